"""A package that extends another one, as the program shows and runs it."""

import json
import shutil

import pytest
import torch
from glint_export import ExtensionParts, write_extension
from glint_export.package import Package
from glint_export.parts import Call
from program_support import PACKAGE


@pytest.fixture
def extension(tmp_path):
    """Zero-shot classes for the small random package, in a folder without it."""
    pixels = torch.linspace(-1, 1, 3 * 32 * 32).reshape(1, 3, 32, 32)
    with torch.no_grad():
        embedding = Package(PACKAGE).tower("image")(pixels)
    head = {"type": "zero_shot", "templates": "templates.json"}
    folder = tmp_path / "pets/random-pets.glint"
    folder.parent.mkdir()
    write_extension(
        folder,
        ExtensionParts(
            name="random-pets",
            base=PACKAGE,
            tasks={"classify": {"preprocess": "default", "heads": [head]}},
            calls=[Call("image", "forward", {"pixels": pixels}, {"embedding": embedding})],
            licence="MIT",
            provenance={"made_by": "tests"},
            templates=["a photo of a {}, a pet."],
            classes=["cat", "dog"],
        ),
    )
    return folder


@pytest.fixture
def beside(extension):
    """The same with its base beside it."""
    shutil.copytree(PACKAGE, extension.parent / PACKAGE.name)
    return extension


def test_inspect_shows_the_base(glint, beside):
    shown = glint("inspect", beside)
    assert f"extends     random-vit at {beside.parent / PACKAGE.name}, digest" in shown.out
    assert "towers/image.pt" in shown.out and ", of random-vit" in shown.out
    (whole,) = glint("inspect", beside, "--json").json
    assert whole["extends"]["digest"] == Package(PACKAGE).digest
    assert whole["files"]["towers/image.pt"]["of"] == "random-vit"
    assert "of" not in whole["files"]["templates.json"]
    assert whole["bytes"] < 20_000
    assert json.loads(glint("inspect", PACKAGE, "--json").out)["extends"] is None


def test_verify_repeats_the_extensions_own_calls(glint, beside):
    done = glint("verify", beside)
    assert done.code == 0 and "image.forward" in done.out


def test_classify_answers_as_the_base_does_with_its_words(glint, beside, cat):
    ours = glint("classify", cat, "--model", beside, "--json")
    labels = ["--labels", "cat,dog", "--template", "a photo of a {}, a pet."]
    theirs = glint("classify", cat, "--model", PACKAGE, *labels, "--json")
    assert ours.code == theirs.code == 0 and ours.json == theirs.json
    assert "dog" in ours.out


def test_the_base_is_found_in_the_package_path(glint, extension):
    assert glint("inspect", extension, env={"GLINT_PACKAGE_PATH": str(PACKAGE.parent)}).code == 0


def test_a_missing_base_is_an_error_that_says_where(glint, extension):
    glint("verify", extension).failed('expected "random-vit.glint" with SHA-256', "(none)", code=1)
