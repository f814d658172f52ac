"""scripts/verify-real: what it finds, runs, compares and reports; real checkpoints are not here."""

import importlib.util
import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from program_support import PHOTOS, ROOT

sys.path.insert(0, str(ROOT / "tests" / "real"))
import kinds
import published
import verify_real
from kinds import Accuracy, Checkpoint, Cosines, Number, Scores

TINY = Checkpoint("tiny-clip", "package", ("tiny-clip.glint",))
TINY_FOLDER = ROOT / "models" / "tiny-clip.glint"
LABELS = ("cat", "dog", "truck")


@pytest.fixture
def folder(tmp_path):
    """A folder of real checkpoints that holds the bundled package, and a picture."""
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "tiny-clip.glint").symlink_to(TINY_FOLDER)
    (tmp_path / "inputs").mkdir()
    (tmp_path / "inputs" / "cat.jpeg").symlink_to(PHOTOS / "cat.jpeg")
    return tmp_path


@pytest.fixture
def verify(program, monkeypatch, capsys):
    """Runs the comparison with a table of its own; gives the exit status and the rows' cells."""
    monkeypatch.setenv("GLINT_PROGRAM", program)
    monkeypatch.delenv("GLINT_SHARED_DATA", raising=False)

    def run(folder, *numbers):
        monkeypatch.setattr(published, "PUBLISHED", list(numbers))
        status = verify_real.main([str(folder)])
        *rows, last = capsys.readouterr().out.splitlines()
        return status, rows[1:], last

    return run


@pytest.fixture(scope="module")
def cat_number(program):
    """A number that tiny-clip gives, as a published one: asked by other means than the script's."""
    command = [program, "classify", str(PHOTOS / "cat.jpeg"), "--labels", ",".join(LABELS)]
    options = ["--template", "a {}", "--top-k", "0", "--json"]
    answer = json.loads(subprocess.check_output([*command, *options], stderr=subprocess.DEVNULL))
    values = {each["label"]: each["probability"] for each in answer["predictions"]}
    measure = Scores(("nowhere.png", "cat.jpeg"), LABELS, "a {}")
    expected = tuple(values[label] for label in LABELS)
    return Number(TINY, "cat.jpeg", expected, "this test", measure, absolute=1e-6)


def test_an_empty_folder_runs_nothing_and_says_why(program, tmp_path):
    env = {k: v for k, v in os.environ.items() if k != "GLINT_SHARED_DATA"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "real" / "verify_real.py"), str(tmp_path)],
        env=env | {"GLINT_PROGRAM": program},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    _, *rows, last = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert len(rows) == len(published.PUBLISHED)
    assert all(row.startswith("could not run  ") for row in rows)
    assert any("no ViT-B-32.pt" in row for row in rows)
    assert any("not yet: family groupvit" in row for row in rows)
    count = len(rows)
    assert last == f"0 of {count} numbers could run: 0 passed, 0 failed; {count} could not run"


def test_a_right_number_passes(verify, folder, cat_number):
    status, rows, last = verify(folder, cat_number)
    assert status == 0 and rows[0].startswith("passed ")
    assert last == "1 of 1 numbers could run: 1 passed, 0 failed; 0 could not run"


def test_a_wrong_number_fails_the_run(verify, folder, cat_number):
    wrong = replace(cat_number, expected=(cat_number.expected[0] - 1e-3, *cat_number.expected[1:]))
    status, rows, last = verify(folder, cat_number, wrong)
    assert status == 1 and rows[1].startswith("failed ")
    assert last == "2 of 2 numbers could run: 1 passed, 1 failed; 0 could not run"


def test_only_the_published_labels_are_compared(verify, folder, cat_number):
    measure = replace(cat_number.measure, compared=("truck",))
    number = replace(cat_number, measure=measure, expected=cat_number.expected[2:])
    assert verify(folder, number)[0] == 0


def test_accuracy_is_in_per_cent(verify, folder):
    for name in ("cat", "truck"):  # the picture is a cat, so one of the two is right
        (folder / "inputs" / "photos" / name).mkdir(parents=True)
        (folder / "inputs" / "photos" / name / "0.jpeg").symlink_to(PHOTOS / "cat.jpeg")
    measure = Accuracy("photos", ("a photo of a {}.", "{}"))
    number = Number(TINY, "top-1 %", (50.0,), "this test", measure, absolute=0.1)
    missing = replace(number, measure=replace(measure, folder="flowers"))
    status, rows, _ = verify(folder, number, missing)
    assert status == 0 and rows[0].startswith("passed ")
    assert "no folder inputs/flowers" in rows[1]


def test_embeddings_are_compared_by_their_cosines(verify, folder, program):
    (folder / "texts.txt").write_text("a cat\na dog\n")
    options = ["--output", str(folder / "inputs" / "two.npy"), "--model", str(TINY_FOLDER)]
    subprocess.run([program, "embed", "--texts", folder / "texts.txt", *options], check=True)
    rows = np.load(folder / "inputs" / "two.npy")
    np.save(folder / "inputs" / "two.npy", (3 * rows).astype(np.float16))
    measure = Cosines("two.npy", texts=("a cat", "a dog"))
    number = Number(TINY, "texts", (1.0, 1.0), "this test", measure, absolute=1e-5)
    swapped = replace(number, measure=replace(measure, texts=("a dog", "a cat")))
    photo = replace(number, measure=Cosines("two.npy", pictures=("cat.jpeg",)))
    status, rows, _ = verify(folder, number, swapped, photo)
    assert status == 1
    assert [row.split()[0] for row in rows] == ["passed", "failed", "failed"]
    assert "embeddings (1, " in rows[2]


def test_a_missing_picture_is_named(verify, folder, cat_number):
    number = replace(cat_number, measure=replace(cat_number.measure, pictures=("a.jpg", "a.png")))
    status, rows, _ = verify(folder, number)
    assert status == 0 and "no inputs/a.jpg or a.png" in rows[0]


def test_pictures_of_the_shared_data_are_found(verify, folder, cat_number, monkeypatch, tmp_path):
    (tmp_path / "shared" / "photos").mkdir(parents=True)
    (folder / "inputs" / "cat.jpeg").rename(tmp_path / "shared" / "photos" / "cat.jpeg")
    assert verify(folder, cat_number)[1][0].startswith("could not run")
    monkeypatch.setenv("GLINT_SHARED_DATA", str(tmp_path / "shared"))
    assert verify(folder, cat_number)[1][0].startswith("passed")


def test_what_is_still_to_come_is_said(verify, folder, cat_number):
    family = replace(cat_number, checkpoint=replace(TINY, family="maple"))
    status, rows, _ = verify(folder, family, replace(cat_number, measure=None))
    assert status == 0
    assert "not yet: family maple" in rows[0] and "not yet: its measurement" in rows[1]


def test_a_file_of_the_right_name_must_be_the_published_one(verify, folder):
    (folder / "ViT-B-32.pt").write_bytes(b"something else")
    number = next(n for n in published.PUBLISHED if n.checkpoint.files == ("ViT-B-32.pt",))
    status, rows, _ = verify(folder, number)
    assert status == 0 and "ViT-B-32.pt is not the published file" in rows[0]


def test_a_folder_of_the_right_name_must_hold_the_model_type(tmp_path):
    checkpoint = Checkpoint("hub", "hf clip", ("clip-base",), model_type="clip")
    first = tmp_path / "clip-base"
    second = tmp_path / "cache" / "models--someone--clip-base" / "snapshots" / "abc"
    for place, model_type in ((first, "siglip"), (second, "clip")):
        place.mkdir(parents=True)
        (place / "config.json").write_text(json.dumps({"model_type": model_type}))
    assert verify_real.find_checkpoint(tmp_path, checkpoint) == second
    (second / "config.json").unlink()
    with pytest.raises(verify_real.CannotRun, match="no config.json"):
        verify_real.find_checkpoint(tmp_path, checkpoint)


def test_a_refused_export_and_a_failing_program_are_failures(verify, folder, cat_number):
    published_file = Checkpoint("refused", "no such", ("cat.jpeg",))
    exporters = kinds.EXPORTERS | {"no such": ("no-such-family",)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kinds, "EXPORTERS", exporters)
        status, rows, _ = verify(folder, replace(cat_number, checkpoint=published_file))
    assert status == 1 and "not exported: " in rows[0] and "no-such-family" in rows[0]
    (folder / "broken.glint").mkdir()
    broken = Checkpoint("broken", "package", ("broken.glint",))
    status, rows, _ = verify(folder, replace(cat_number, checkpoint=broken))
    assert status == 1 and rows[0].startswith("failed ") and "glint.json" in rows[0]


def test_digests_are_those_that_open_clip_downloads():
    addresses = Path(importlib.util.find_spec("open_clip").origin).with_name("pretrained.py")
    table = addresses.read_text(encoding="utf-8")
    files = {n.checkpoint for n in published.PUBLISHED if n.checkpoint.sha256}
    assert len(files) == 2
    assert all(f"{each.sha256}/{each.files[0]}" in table for each in files)


def test_nan_is_not_within_any_tolerance(cat_number):
    wide = replace(cat_number, absolute=10.0)
    assert verify_real.judge(wide, list(cat_number.expected))
    assert not verify_real.judge(wide, [math.nan] * len(cat_number.expected))


def test_every_published_number_has_a_source_and_a_way_or_a_family_to_come():
    for number in published.PUBLISHED:
        assert "/" in number.source and number.expected and number.what
        if number.checkpoint.family in kinds.EXPORTERS:
            assert number.measure is not None and number.checkpoint.files
        if isinstance(number.measure, Scores):
            assert number.measure.field in ("probability", "logit")
            labels = number.measure.compared or number.measure.labels
            assert len(labels) == len(number.expected)
            assert set(labels) <= set(number.measure.labels)
        if isinstance(number.measure, Cosines):
            assert len(number.measure.pictures or number.measure.texts) == len(number.expected)
        if number.measure is not None:
            assert number.absolute > 0
