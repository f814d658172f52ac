"""glint bank, and --bank in its place: saved class embeddings."""

import json
import shutil

import numpy as np
import pytest
from program_support import PACKAGE, PHOTOS, ROOT, seal
from safetensors import safe_open

LABELS = ["cat", "dog", "white horse"]
PHOTO = str(PHOTOS / "dog.jpeg")
TINY = str(ROOT / "models" / "tiny-clip.glint")
SEGMENTER = ROOT / "tests" / "golden" / "packages" / "groupvit.glint"


def make(glint, path, *flags, model=TINY, labels=",".join(LABELS)):
    done = glint("bank", "--labels", labels, "--output", str(path), "--model", model, *flags)
    assert done.code == 0, done.err
    assert done.out == ""
    return done


def test_a_bank_is_a_safetensors_file_with_unit_rows_and_its_labels(glint, tmp_path):
    path = tmp_path / "animals.safetensors"
    done = make(glint, path, "--template", "a {}.", "--template", "the {}.")
    assert "3 labels, 64 numbers each" in done.err
    with safe_open(path, "np") as file:
        rows, metadata = file.get_tensor("rows"), file.metadata()
    assert rows.shape == (3, 64) and rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    assert json.loads(metadata["labels"]) == LABELS
    assert json.loads(metadata["templates"]) == ["a {}.", "the {}."]
    assert all(len(metadata[key]) == 64 for key in ("image", "text", "heads", "fingerprint"))


def test_a_bank_answers_as_its_labels_do(glint, tmp_path):
    path = tmp_path / "animals.safetensors"
    make(glint, path, "--template", "a {}.")
    flags = ("--labels", ",".join(LABELS), "--template", "a {}.")
    fresh = glint("classify", PHOTO, *flags, "--model", TINY, "--json")
    saved = glint("classify", PHOTO, "--bank", str(path), "--model", TINY, "--json")
    assert fresh.code == saved.code == 0
    assert fresh.json == saved.json


def test_a_bank_of_another_model_is_refused(glint, tmp_path):
    path = tmp_path / "animals.safetensors"
    make(glint, path)
    done = glint("classify", PHOTO, "--bank", str(path), "--model", str(PACKAGE))
    assert done.code == 1 and done.out == ""
    assert "expected a class bank of this model, got one that another image tower made" in done.err


def test_a_stale_bank_is_refused(glint, tmp_path):
    """The package's tokenizer or heads change; the bank was made before."""
    path = tmp_path / "animals.safetensors"
    make(glint, path, model=str(PACKAGE))
    for key, change in {"context": 78, "overflow": "error"}.items():
        changed = tmp_path / f"{key}.glint"
        shutil.copytree(PACKAGE, changed)
        manifest = json.loads((changed / "glint.json").read_text())
        manifest["tokenizer"][key] = change
        (changed / "glint.json").write_text(json.dumps(manifest))
        seal(changed)
        done = glint("classify", PHOTO, "--bank", str(path), "--model", str(changed))
        assert done.code == 1 and "another text tower or tokenizer made" in done.err


def test_a_changed_bank_is_refused(glint, tmp_path):
    path = tmp_path / "animals.safetensors"
    make(glint, path)
    path.write_bytes(path.read_bytes().replace(b"white horse", b"black horse"))
    done = glint("classify", PHOTO, "--bank", str(path), "--model", TINY)
    assert done.failed("changed after it was written")


@pytest.mark.parametrize(
    "flags",
    [("--labels", "a,b"), ("--template", "a {}."), ("--labels-file", "x.txt")],
)
def test_a_bank_takes_the_place_of_labels_and_templates(glint, tmp_path, flags):
    done = glint("classify", PHOTO, "--bank", "x.safetensors", *flags)
    assert done.failed("--bank", code=2)


def test_bad_banks_fail_in_one_sentence(glint, tmp_path):
    (tmp_path / "text.safetensors").write_text("not a bank")
    for name, part in {"text.safetensors": "safetensors", "absent.safetensors": "absent"}.items():
        done = glint("classify", PHOTO, "--bank", str(tmp_path / name), "--model", TINY)
        assert done.failed(part)


def test_nothing_is_written_when_it_cannot_be(glint, tmp_path):
    missing = tmp_path / "no-folder" / "bank.safetensors"
    done = glint("bank", "--labels", "a,b", "--output", str(missing), "--model", TINY)
    assert done.failed("no-folder")
    done = glint("bank", "--labels", "a,a", "--output", str(tmp_path / "b"), "--model", TINY)
    assert done.failed("distinct labels")
    assert not list(tmp_path.iterdir())


def test_a_bank_of_another_task_has_its_rows_and_is_refused_by_the_first(glint, tmp_path):
    """The two tasks of a GroupViT differ in templates, and one has a background."""
    rows = {}
    for task in ("classify", "segment"):
        path = tmp_path / f"{task}.safetensors"
        make(glint, path, "--task", task, model=str(SEGMENTER), labels="cat,background,dog")
        with safe_open(path, "np") as file:
            rows[task] = file.get_tensor("rows")
            assert json.loads(file.metadata()["labels"]) == ["cat", "background", "dog"]
    np.testing.assert_allclose(np.linalg.norm(rows["classify"], axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(rows["segment"], axis=1), [1, 0, 1], atol=1e-6)
    assert not np.allclose(rows["classify"][0], rows["segment"][0], atol=1e-3)
    plain = tmp_path / "plain.safetensors"
    make(glint, plain, model=str(SEGMENTER), labels="cat,background,dog")
    assert plain.read_bytes() == (tmp_path / "classify.safetensors").read_bytes()
    done = glint("classify", PHOTO, "--bank", str(path), "--model", str(SEGMENTER))
    assert done.failed("that other heads made")


def test_a_bank_of_a_package_without_classification_is_of_its_only_task(glint, tmp_path):
    package = shutil.copytree(SEGMENTER, tmp_path / "only.glint")
    manifest = json.loads((package / "glint.json").read_text())
    del manifest["tasks"]["classify"]
    (package / "glint.json").write_text(json.dumps(manifest))
    seal(package)
    for flags in ((), ("--task", "segment")):
        make(glint, tmp_path / f"{len(flags)}.safetensors", *flags, model=str(package))
    one, two = ((tmp_path / f"{n}.safetensors").read_bytes() for n in (0, 2))
    assert one == two
    out = tmp_path / "x.safetensors"
    flags = ("--labels", "cat", "--output", str(out), "--model", str(package))
    assert glint("bank", *flags, "--task", "classify").failed('has no task "classify"')
    manifest["tasks"]["other"] = manifest["tasks"]["segment"]
    (package / "glint.json").write_text(json.dumps(manifest))
    seal(package)
    assert glint("bank", *flags).failed("has 2 tasks; pass --task NAME")
    assert not out.exists()
