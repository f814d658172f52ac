"""glint evaluate --segmentation: pixel accuracy and mIoU against true label maps."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from program_support import PACKAGE, ROOT

GOLDEN = ROOT / "tests" / "golden"
SEGMENTER = GOLDEN / "packages" / "groupvit.glint"
CASES = json.loads((GOLDEN / "groupvit.json").read_text())["cases"]
LABELS = CASES["wide, background"]["labels"]


def golden_map(case):
    """What the official evaluation answers, [H, W]."""
    return np.array([[int(digit) for digit in row] for row in CASES[case]["map"]], np.uint8)


def scores(pairs, labels):
    """Pixel accuracy, and IoU of each label (nan: in neither), of (truth, answer) pairs."""
    truth = np.concatenate([truth.ravel() for truth, _ in pairs]).astype(int)
    answer = np.concatenate([answer.ravel() for _, answer in pairs]).astype(int)
    truth, answer = truth[truth != 255], answer[truth != 255]
    ious = []
    for label in range(labels):
        either = ((truth == label) | (answer == label)).sum()
        both = ((truth == label) & (answer == label)).sum()
        ious.append(both / either if either else np.nan)
    return (truth == answer).mean(), np.array(ious)


@pytest.fixture
def data(tmp_path):
    """A picture, and a map that differs from its answer in stripes and has no label in others."""
    images, maps = tmp_path / "images", tmp_path / "maps"
    images.mkdir()
    maps.mkdir()
    shutil.copy(GOLDEN / "groupvit" / "wide.png", images / "a.png")
    answer = golden_map("wide, background")
    truth = answer.copy()
    truth[::5] = (truth[::5] + 1) % len(LABELS)
    truth[:, ::7] = 255
    Image.fromarray(truth).save(maps / "a.png")
    return images, maps, [(truth, answer)]


@pytest.fixture
def evaluate(glint):
    def run(images, maps, *flags, labels=LABELS, model=SEGMENTER):
        named = ["--labels", ",".join(labels)] if labels else []
        return glint("evaluate", "--folder", images, "--segmentation", maps, "--model", model,
                     *named, *flags)

    return run


def test_agrees_with_the_definitions(evaluate, data):
    images, maps, pairs = data
    accuracy, ious = scores(pairs, len(LABELS))
    done = evaluate(images, maps, "--json")
    assert (done.code, done.err) == (0, "")
    (result,) = done.json
    assert list(result) == ["pixel_accuracy", "miou"]
    # The golden map may differ from ours in 0.1 % of its pixels.
    assert result["pixel_accuracy"] == pytest.approx(accuracy, abs=2e-3)
    assert result["miou"] == pytest.approx(np.nanmean(ious), abs=5e-3)


def test_the_table_has_every_class(evaluate, data):
    images, maps, pairs = data
    (result,) = evaluate(images, maps, "--json", "--per-class").json
    done = evaluate(images, maps)
    lines = done.out.splitlines()
    assert lines[0] == "images          1"
    assert lines[1] == f"pixel accuracy  {100 * result['pixel_accuracy']:.2f}%"
    assert lines[2] == f"mIoU            {100 * result['miou']:.2f}%"
    assert [line.split("  ")[-1] for line in lines[3:]] == LABELS
    _, ious = scores(pairs, len(LABELS))
    for line, one, iou in zip(lines[3:], result["classes"], ious, strict=True):
        assert line.split()[0] == ("none" if one["iou"] is None else f"{100 * one['iou']:.2f}%")
        if np.isnan(iou):
            assert one["iou"] is None and one["pixels"] == 0
        else:
            assert one["iou"] == pytest.approx(iou, abs=1e-2)
    truth = pairs[0][0]
    assert [one["pixels"] for one in result["classes"]] == [
        int((truth == label).sum()) for label in range(len(LABELS))
    ]


def test_the_protocols_differ_and_official_is_the_default(evaluate, data):
    images, maps, _ = data
    Image.fromarray(golden_map("wide, whole")).save(maps / "a.png")
    single = evaluate(images, maps, "--protocol", "single", "--json").json[0]
    assert single["pixel_accuracy"] >= 0.999
    default = evaluate(images, maps, "--json").out
    assert default == evaluate(images, maps, "--protocol", "official", "--json").out
    assert json.loads(default)["pixel_accuracy"] < 0.999


def test_does_not_depend_on_batches(evaluate, data):
    images, maps, _ = data
    for copy in "bcd":
        shutil.copy(images / "a.png", images / f"{copy}.png")
        shutil.copy(maps / "a.png", maps / f"{copy}.png")
    flags = ([], ["--batch-size", 1], ["--batch-size", 3], ["--threads", 1])
    assert len({evaluate(images, maps, "--json", *flag).out for flag in flags}) == 1


def test_takes_maps_of_sixteen_bits_and_with_palettes(evaluate, data):
    images, maps, pairs = data
    expected = evaluate(images, maps, "--json").out
    truth = pairs[0][0]
    wide = truth.astype(np.uint16)
    wide[wide == 255] = 65535
    Image.fromarray(wide).save(maps / "a.png")
    assert evaluate(images, maps, "--json").out == expected
    palette = Image.fromarray(truth, "P")
    palette.putpalette(list(range(256)) * 3)
    palette.save(maps / "a.png")
    assert evaluate(images, maps, "--json").out == expected


def test_a_map_that_cannot_be_used_is_reported_and_not_counted(evaluate, data):
    images, maps, _ = data
    expected = evaluate(images, maps, "--json").out
    for name in ("large", "missing", "other", "text"):
        shutil.copy(images / "a.png", images / f"{name}.png")
    Image.fromarray(np.zeros((7, 9), np.uint8)).save(maps / "large.png")
    Image.fromarray(np.full_like(golden_map("wide, background"), 8)).save(maps / "other.png")
    (maps / "text.png").write_text("no picture")
    done = evaluate(images, maps, "--json")
    assert done.code == 1
    assert done.out == expected
    large, missing, other, text, note = done.err.splitlines()
    height, width = golden_map("wide, background").shape
    assert "large.png" in large and f"the image's size, {width} x {height}, got 9 x 7" in large
    assert "missing.png" in missing
    assert "other.png" in other and "expected indices below 8 (the labels)" in other
    assert "text.png" in text and "expected a PNG" in text
    assert note == "note: 4 images are not counted"


def test_what_cannot_be_evaluated_is_an_error(evaluate, data, tmp_path):
    images, maps, _ = data
    (tmp_path / "empty").mkdir()
    assert evaluate(tmp_path / "empty", maps).failed("expected images in", "got none")
    assert evaluate(tmp_path / "none", maps).failed("expected a folder")
    assert evaluate(images, maps, labels=None).failed("pass --labels")
    assert evaluate(images, maps, labels=["background"]).failed('a label besides "background"')
    assert evaluate(images, maps, model=PACKAGE).failed('has no task "segment"')
    done = evaluate(images, tmp_path / "none")
    assert done.code == 1 and "none of the images" in done.err.splitlines()[-1]


def test_pixels_without_a_label_only_give_no_score(evaluate, data):
    images, maps, pairs = data
    Image.fromarray(np.full_like(pairs[0][0], 255)).save(maps / "a.png")
    done = evaluate(images, maps, "--json")
    assert done.code == 0 and done.json == [{"pixel_accuracy": None, "miou": None}]
    assert "mIoU            none" in evaluate(images, maps).out


def test_protocol_is_of_segmentation_only(glint, data):
    images, _, _ = data
    done = glint("evaluate", "--folder", images, "--protocol", "single", "--model", PACKAGE)
    assert done.failed("--segmentation", code=2)
    done = glint("evaluate", "--folder", images, "--segmentation", images, "--protocol", "twice")
    assert done.code == 2
