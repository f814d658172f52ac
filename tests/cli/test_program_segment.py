"""glint segment: maps, shares, run lengths, drawings."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from program_support import PACKAGE, ROOT

GOLDEN = ROOT / "tests" / "golden"
SEGMENTER = GOLDEN / "packages" / "groupvit.glint"
CASES = json.loads((GOLDEN / "groupvit.json").read_text())["cases"]
OFFICIAL = CASES["wide, background"]
WHOLE = CASES["wide, whole"]
WIDE = GOLDEN / "groupvit" / OFFICIAL["picture"]


def golden_map(case):
    return np.array([[int(digit) for digit in row] for row in case["map"]])


def decoded(rle):
    values = np.concatenate([np.full(length, label) for label, length in rle["counts"]])
    return values.reshape(rle["size"])


@pytest.fixture
def segment(glint):
    def run(*arguments, labels=OFFICIAL["labels"], model=SEGMENTER, **options):
        named = ["--labels", ",".join(labels)] if labels else []
        return glint("segment", *arguments, "--model", model, *named, **options)

    return run


@pytest.mark.parametrize(("case", "protocol"), [(OFFICIAL, "official"), (WHOLE, "single")])
def test_answers_as_the_official_evaluation(segment, tmp_path, case, protocol):
    done = segment(
        WIDE, "--json", "--rle", "--map", "map.png", "--protocol", protocol, labels=case["labels"]
    )
    assert (done.code, done.err) == (0, "")
    (answer,) = done.json
    assert list(answer) == ["image", "labels", "fractions", "rle"]
    assert (answer["image"], answer["labels"]) == (str(WIDE), case["labels"])
    expected = golden_map(case)
    labels = decoded(answer["rle"])
    assert (labels == expected).mean() >= 0.999
    image = Image.open(tmp_path / "map.png")
    assert image.mode == "L"
    np.testing.assert_array_equal(np.asarray(image), labels)
    shares = [(labels == label).mean() for label in range(len(case["labels"]))]
    assert answer["fractions"] == pytest.approx(shares, abs=1e-12)


def test_single_is_the_default(segment):
    assert segment(WIDE, "--json").out == segment(WIDE, "--json", "--protocol", "single").out
    assert segment(WIDE, "--json").out != segment(WIDE, "--json", "--protocol", "official").out


def test_prints_shares_in_order(segment):
    done = segment(WIDE)
    fractions = segment(WIDE, "--json").json[0]["fractions"]
    name, *lines = done.out.splitlines()
    assert name == str(WIDE)
    pairs = sorted(zip(fractions, OFFICIAL["labels"], strict=True), key=lambda pair: -pair[0])
    assert [line.split("  ")[-1] for line in lines] == [label for share, label in pairs if share]
    assert lines[0].split()[0] == f"{100 * pairs[0][0]:.2f}%"


def test_draws_over_the_image(segment, tmp_path):
    assert segment(WIDE, "--output", "overlay.png", "--map", "map.png").code == 0
    picture = np.asarray(Image.open(WIDE).convert("RGB")).astype(int)
    drawn = np.asarray(Image.open(tmp_path / "overlay.png")).astype(int)
    height, width, _ = picture.shape
    assert drawn.shape[0] > height and drawn.shape[1] >= width  # a legend
    labels = np.asarray(Image.open(tmp_path / "map.png"))
    changed = (drawn[:height, :width] != picture).any(axis=2)
    plain = labels == OFFICIAL["labels"].index("background")
    assert not changed[plain].any()
    assert changed[~plain].mean() > 0.9


def test_several_images_fill_folders(segment, tmp_path):
    others = [tmp_path / f"{name}.png" for name in ("a", "b")]
    for path in others:
        shutil.copy(WIDE, path)
    flags = ["--json", "--map", "maps", "--output", "drawn/here"]
    done = segment(*others, *flags)
    assert done.code == 0 and [one["image"] for one in done.json] == [str(p) for p in others]
    alone = segment(WIDE, "--map", "alone.png", "--output", "drawn.png")
    assert alone.code == 0
    for name in ("a", "b"):
        maps, drawn = tmp_path / "maps" / f"{name}.png", tmp_path / "drawn/here" / f"{name}.png"
        assert maps.read_bytes() == (tmp_path / "alone.png").read_bytes()
        assert drawn.read_bytes() == (tmp_path / "drawn.png").read_bytes()


def test_files_that_would_collide_are_refused_before_any_work(segment, tmp_path):
    (tmp_path / "in").mkdir()
    shutil.copy(WIDE, tmp_path / "a.png")
    shutil.copy(WIDE, tmp_path / "in" / "a.png")
    done = segment("a.png", "in/a.png", "--map", "maps")
    assert done.failed("different names", '"a.png"', '"in/a.png"')
    assert not (tmp_path / "maps").exists()
    (tmp_path / "file").write_text("")
    assert segment("a.png", WIDE, "--map", "file").failed("expected a folder", '"file"')


def test_a_bank_of_the_task_gives_the_same_answer(glint, segment, tmp_path):
    def bank(name, *flags):
        labels = ",".join(OFFICIAL["labels"])
        path = tmp_path / name
        return glint("bank", "--labels", labels, "--output", path, "--model", SEGMENTER, *flags)

    assert bank("segment.safetensors", "--task", "segment").code == 0
    saved = segment(WIDE, "--bank", "segment.safetensors", "--json", "--rle", labels=None)
    assert saved.code == 0
    assert saved.out == segment(WIDE, "--json", "--rle").out
    assert bank("classify.safetensors").code == 0
    done = segment(WIDE, "--bank", "classify.safetensors", labels=None)
    assert done.failed("other heads made")
    assert bank("none.safetensors", "--task", "detect").failed('has no task "detect"')


def test_one_bad_image_among_many(segment, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    done = segment(WIDE, "bad.png", WIDE, "--json")
    assert done.code == 1
    assert [one["image"] for one in done.json] == [str(WIDE)] * 2
    assert done.err.startswith("error: ") and "bad.png" in done.err


def test_refusals(segment, tmp_path):
    assert segment(WIDE, labels=["cat", "cat"]).failed("distinct labels")
    assert segment(WIDE, labels=None).failed("pass --labels")
    assert segment(WIDE, labels=["background"]).failed('a label besides "background"')
    assert segment(WIDE, model=PACKAGE).failed('has no task "segment"')
    assert segment(WIDE, "--rle").failed("--json", code=2)
    assert segment(WIDE, "--protocol", "twice").code == 2
    assert segment(WIDE, "--output", "none/overlay.png").failed("none/overlay.png")
    thin = tmp_path / "thin.png"
    Image.new("RGB", (1000, 2)).save(thin)
    assert segment(thin).failed("1000 x 2")


def test_one_label_and_a_thousand(segment, tmp_path):
    assert segment(WIDE, "--json", labels=["cat"]).json[0]["fractions"] == [1]
    names = [f"label {i}" for i in range(1000)]
    done = segment(WIDE, "--json", "--map", "map.png", labels=names)
    assert done.code == 0
    assert sum(done.json[0]["fractions"]) == pytest.approx(1)
    assert Image.open(tmp_path / "map.png").mode in ("I;16", "I")
