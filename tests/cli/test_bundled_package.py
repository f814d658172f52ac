"""The bundled package: right about real photographs, and as accurate as models/README.md says."""

import json
import os
import tarfile
from pathlib import Path

import pytest
from program_support import PHOTOS, ROOT

TINY_CLIP = ROOT / "models" / "tiny-clip.glint"
CLASSES = "airplane,automobile,bird,cat,deer,dog,frog,horse,ship,truck"
# What models/tiny/evaluate_clip.py computes for the same weights (Pillow, open_clip, torch).
PYTHON = json.loads((ROOT / "tests" / "golden" / "tiny_clip.json").read_text())


def test_verifies(glint):
    result = glint("verify", TINY_CLIP)
    assert result.code == 0, result.err


@pytest.mark.parametrize(
    ("photo", "label"), [("cat.jpeg", "cat"), ("dog.jpeg", "dog"), ("chelsea.png", "cat")]
)
def test_knows_real_photographs(glint, photo, label):
    result = glint(
        "classify", PHOTOS / photo, "--labels", CLASSES, "--json", "--model", TINY_CLIP
    )
    assert result.code == 0, result.err
    assert json.loads(result.out)["predictions"][0]["label"] == label


def test_knows_words_beyond_class_names(glint):
    result = glint(
        "classify", PHOTOS / "dog.jpeg", "--labels", "lorry,kitten,puppy,sedan", "--json"
    )
    assert json.loads(result.out)["predictions"][0]["label"] == "puppy"


def test_is_small():
    files = [file for file in TINY_CLIP.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= 16_000_000


def test_accuracy_on_the_cifar_10_test_photos(glint, tmp_path):
    data = os.environ.get("GLINT_SHARED_DATA")
    if not data:
        pytest.skip("GLINT_SHARED_DATA is not set: no CIFAR-10 photos")
    with tarfile.open(Path(data) / "cifar10" / "test.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    result = glint("evaluate", "--folder", tmp_path / "test", "--json", "--model", TINY_CLIP)
    assert result.code == 0, result.err
    answer = json.loads(result.out)
    assert answer["images"] == PYTHON["images"] == 10_000
    assert answer["top1"] >= 0.85
    assert abs(answer["top1"] - PYTHON["top1"]) <= 0.001
    assert abs(answer["top5"] - PYTHON["top5"]) <= 0.001
