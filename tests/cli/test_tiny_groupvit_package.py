"""models/tiny-groupvit.glint on eight scenes of CIFAR-10's test photos (models/tiny/scenes.py)."""

import pytest
from program_support import ROOT

MODEL = ROOT / "models" / "tiny-groupvit.glint"
SCENES = ROOT / "tests" / "golden" / "scenes"
# Pixels and mIoU over all eleven labels by evaluate_groupvit.py on the same scenes.
EXPECTED = {"official": (0.8555, 0.3934), "single": (0.8258, 0.3051)}
LABELS = "airplane,automobile,bird,cat,deer,dog,frog,horse,ship,truck,background"


def test_it_verifies_and_is_small(glint):
    done = glint("verify", MODEL)
    assert done.code == 0, done.err
    assert sum(p.stat().st_size for p in MODEL.rglob("*") if p.is_file()) < 12e6


@pytest.mark.parametrize("protocol", ["official", "single"])
def test_it_segments_scenes(glint, protocol):
    """As models/tiny/evaluate_groupvit.py does in plain Python; rounding may move a little."""
    done = glint(
        "evaluate", "--folder", SCENES / "pictures", "--segmentation", SCENES / "maps",
        "--labels", LABELS, "--model", MODEL, "--protocol", protocol, "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    pixels, miou = EXPECTED[protocol]
    assert done.json[-1]["pixel_accuracy"] == pytest.approx(pixels, abs=0.002)
    assert done.json[-1]["miou"] == pytest.approx(miou, abs=0.01)
