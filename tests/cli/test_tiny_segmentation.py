"""models/tiny-lseg.glint and tiny-groupvit.glint on eight scenes of CIFAR-10's test photos
(models/tiny/scenes.py)."""

import pytest
from program_support import ROOT

SCENES = ROOT / "tests" / "golden" / "scenes"
LABELS = "airplane,automobile,bird,cat,deer,dog,frog,horse,ship,truck,background"
MODELS = ["tiny-lseg", "tiny-groupvit"]
# Pixel accuracy and mIoU over the eleven labels, as models/tiny/evaluate_*.py measure them.
EXPECTED = {
    ("tiny-lseg", "single"): (0.92225, 0.58804),
    ("tiny-lseg", "official"): (0.92167, 0.58553),
    ("tiny-groupvit", "single"): (0.82581, 0.30506),
    ("tiny-groupvit", "official"): (0.85546, 0.39340),
}


@pytest.mark.parametrize("name", MODELS)
def test_it_verifies_and_is_small(glint, name):
    package = ROOT / "models" / f"{name}.glint"
    done = glint("verify", package)
    assert done.code == 0, done.err
    assert sum(p.stat().st_size for p in package.rglob("*") if p.is_file()) < 12 * 2**20


@pytest.mark.parametrize(("name", "protocol"), EXPECTED)
def test_it_segments_scenes(glint, name, protocol):
    """Rounding moves a pixel here and there."""
    done = glint(
        "evaluate", "--folder", SCENES / "pictures", "--segmentation", SCENES / "maps",
        "--labels", LABELS, "--model", ROOT / "models" / f"{name}.glint",
        "--protocol", protocol, "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    pixels, miou = EXPECTED[name, protocol]
    assert done.json[-1]["pixel_accuracy"] == pytest.approx(pixels, abs=0.002)
    assert done.json[-1]["miou"] == pytest.approx(miou, abs=0.01)
