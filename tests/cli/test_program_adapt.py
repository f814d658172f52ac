"""glint adapt: caches from folders of labelled images, classes added and removed, and wrong input."""

import json
import os
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image
from program_support import environment
from safetensors.numpy import load_file

# Pictures whose colour tells their class, with noise so that no two are equal.
COLOURS = {"red_thing": (220, 40, 40), "green_thing": (40, 200, 60), "blue_thing": (30, 60, 210)}


def draw(folder, count, seed, colours=COLOURS):
    for number, (name, colour) in enumerate(colours.items()):
        random = np.random.default_rng([seed, number])
        (folder / name).mkdir(parents=True)
        for i in range(count):
            noise = random.integers(-40, 40, (32, 40, 3))
            pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def shots(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("adapt") / "shots", 4, seed=1)


@pytest.fixture(scope="module")
def validation(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("adapt") / "val", 6, seed=2)


@pytest.fixture
def base(copy_package):
    return copy_package("random-vit.glint")


@pytest.fixture
def adapt(glint, base, shots):
    def run(kind, *arguments, out="mine.glint", folder=shots):
        return glint(
            "adapt", kind, "--shots", folder, "--model", base, "--output", base.parent / out,
            *arguments,
        )  # fmt: skip

    return run


def cache_of(package):
    return load_file(package / "tensors" / "tip_adapter.safetensors")


def test_a_cache_learns_what_the_labels_do_not_say(glint, adapt, base, shots, validation):
    done = adapt("tip", "--validate", validation, "--json")
    assert (done.code, done.err) == (0, "")
    (answer,) = done.json
    assert (answer["classes"], answer["keys"]) == (3, 12)
    assert answer["validation"]["top1"] >= answer["validation"]["without_cache"]
    assert answer["validation"]["top1"] > 0.9
    package = base.parent / "mine.glint"
    assert json.loads((package / "classes.json").read_text()) == [
        "blue thing", "green thing", "red thing",
    ]  # fmt: skip
    manifest = json.loads((package / "glint.json").read_text())
    assert manifest["logit"] == {"bias": 0.0, "scale": 100.0}
    assert manifest["extends"]["name"] == "random-vit"
    keys = cache_of(package)
    assert np.allclose(np.linalg.norm(keys["keys"], axis=1), 1, atol=1e-6)
    assert keys["classes"].tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert glint("verify", package).code == 0
    (measured,) = glint("evaluate", "--folder", validation, "--model", package, "--json").json
    assert measured["top1"] == answer["validation"]["top1"]


def test_any_subset_of_the_classes_is_answered(glint, adapt, base, shots):
    assert adapt("tip").code == 0
    picture = next((shots / "red_thing").iterdir())
    (answer,) = glint(
        "classify", picture, "--model", base.parent / "mine.glint", "--json",
        "--labels", "red thing, blue thing",
    ).json  # fmt: skip
    assert {p["label"] for p in answer["predictions"]} == {"red thing", "blue thing"}


@pytest.mark.parametrize("views", ["none", "flip", "ten-crop"])
def test_views_change_the_keys_and_not_their_number(adapt, base, views):
    assert adapt("tip", "--views", views, out=f"{views}.glint").code == 0
    assert adapt("tip", out="plain.glint").code == 0
    keys, plain = (cache_of(base.parent / f"{n}.glint")["keys"] for n in (views, "plain"))
    assert keys.shape == plain.shape
    assert np.array_equal(keys, plain) == (views == "none")


def test_training_moves_the_keys_and_a_seed_repeats_it(adapt, base, validation):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        arguments = ("--views", "flip", "--seed", seed, "--epochs", 3, "--lr", 0.01)
        done = adapt("tip-f", *arguments, "--validate", validation, "--json", out=f"{name}.glint")
        assert done.code == 0 and 1 <= done.json[0]["epoch"] <= 3
    assert adapt("tip", "--views", "flip", out="plain.glint").code == 0
    a, b, c, plain = (cache_of(base.parent / f"{n}.glint")["keys"] for n in ("a", "b", "c", "plain"))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, plain) and not np.array_equal(a, c)


def test_classes_come_and_go(glint, adapt, base, tmp_path):
    assert adapt("tip").code == 0
    first = base.parent / "mine.glint"
    grey = draw(tmp_path / "more", 3, 5, {"grey": (128, 128, 128)}) / "grey"
    more, fewer = base.parent / "more.glint", base.parent / "fewer.glint"
    done = glint("adapt", "add", first, "--class", "grey thing", "--shots", grey, "--output", more)
    assert (done.code, done.err) == (0, "")
    assert len(json.loads((more / "classes.json").read_text())) == 4
    assert cache_of(more)["keys"].shape[0] == 15
    assert np.array_equal(cache_of(more)["keys"][:12], cache_of(first)["keys"])
    again = glint("adapt", "add", more, "--class", "grey thing", "--shots", grey, "--output", fewer)
    assert again.failed("a class that the cache does not have", "grey thing")
    assert glint("adapt", "remove", more, "--class", "green thing", "--output", fewer).code == 0
    assert json.loads((fewer / "classes.json").read_text()) == [
        "blue thing", "red thing", "grey thing",
    ]  # fmt: skip
    assert cache_of(fewer)["classes"].tolist() == [0] * 4 + [1] * 4 + [2] * 3
    gone = glint("adapt", "remove", fewer, "--class", "green thing", "--output", base.parent / "x.glint")
    assert gone.failed("expected one of the 3 classes", "green thing")
    again = glint(
        "adapt", "add", more, "--class", "red_thing", "--shots", grey,
        "--output", base.parent / "x.glint",
    )  # fmt: skip
    assert again.failed("a class that the cache does not have", "red_thing")
    assert not (base.parent / "x.glint").exists()


# wrong input: one clear error, and nothing written


def test_pictures_that_cannot_be_read_are_all_named(adapt, base, tmp_path, shots):
    folder = tmp_path / "shots"
    shutil.copytree(shots, folder)
    for name in ("x.png", "y.png"):
        (folder / "red_thing" / name).write_bytes(b"no picture")
    done = adapt("tip", folder=folder)
    assert done.failed("expected 14 images that can be read", "got 2 that cannot")
    assert "x.png" in done.err and "y.png" in done.err
    assert not (base.parent / "mine.glint").exists()
    done = adapt("tip", "--skip-unreadable", folder=folder)
    assert done.code == 0 and done.err.count("left out") == 2
    assert cache_of(base.parent / "mine.glint")["keys"].shape[0] == 12


def test_a_class_without_a_readable_picture_is_refused(adapt, tmp_path, shots):
    folder = tmp_path / "shots"
    shutil.copytree(shots, folder)
    (folder / "empty_one").mkdir()
    assert adapt("tip", folder=folder).failed("got none of", "empty one")
    (folder / "empty_one" / "a.png").write_bytes(b"no picture")
    done = adapt("tip", "--skip-unreadable", folder=folder)
    assert done.code == 1 and "expected an image of every class that can be read" in done.err


@pytest.mark.parametrize("what", ["nothing", "one"])
def test_too_few_classes_are_refused(adapt, tmp_path, what):
    folder = tmp_path / "shots"
    folder.mkdir()
    if what == "one":
        draw(folder, 2, 1, {"red_thing": (255, 0, 0)})
    assert adapt("tip", folder=folder).code == 1


def test_two_folders_of_one_label_are_refused(adapt, tmp_path):
    colours = {"red_thing": (255, 0, 0), "red thing": (250, 0, 0), "b": (0, 0, 255)}
    assert adapt("tip", folder=draw(tmp_path / "s", 2, 1, colours)).code == 1


def test_an_output_that_is_there_stays(glint, adapt, base, tmp_path):
    assert adapt("tip").code == 0
    package = base.parent / "mine.glint"
    before = (package / "glint.json").read_bytes()
    done = adapt("tip", "--alpha", "2")
    assert done.failed("expected nothing at", "got a folder")
    assert (package / "glint.json").read_bytes() == before
    assert adapt("tip", "--alpha", "2", "--force").code == 0
    assert (package / "glint.json").read_bytes() != before
    assert adapt("tip", out="mine.zip").failed("ends in .glint")
    assert adapt("tip", out="no/where.glint").failed("expected an existing folder")
    assert sorted(p.name for p in base.parent.iterdir()) == ["mine.glint", "random-vit.glint"]


def test_validation_of_other_classes_is_refused(adapt, base, tmp_path):
    other = draw(tmp_path / "val", 2, 1, {"red_thing": (255, 0, 0), "pink": (255, 128, 128)})
    done = adapt("tip", "--validate", other)
    assert done.code == 1 and "pink" in done.err
    assert not (base.parent / "mine.glint").exists()


def test_a_package_without_a_cache_has_no_classes_to_remove(glint, base, tmp_path):
    done = glint("adapt", "remove", base, "--class", "cat", "--output", tmp_path / "o.glint")
    assert done.failed("tip_adapter", "random-vit")


def test_of_two_runs_into_one_output_one_wins(program, base, shots):
    command = [
        program, "adapt", "tip", "--shots", shots, "--model", base,
        "--output", base.parent / "mine.glint",
    ]  # fmt: skip
    runs = [subprocess.Popen(command, stderr=subprocess.PIPE, env=environment()) for _ in range(4)]
    said = [run.communicate(timeout=120)[1].decode() for run in runs]
    assert sorted(run.returncode for run in runs) == [0, 1, 1, 1], said
    assert sum("mine.glint" in text and text.startswith("error: ") for text in said) == 3
    assert sorted(p.name for p in base.parent.iterdir()) == ["mine.glint", "random-vit.glint"]
    assert subprocess.run([program, "verify", base.parent / "mine.glint"]).returncode == 0


def test_an_output_that_would_harm_a_package_is_refused(glint, adapt, base, shots):
    before = sorted(base.rglob("*"))
    inside = base.name + "/mine.glint"
    assert adapt("tip", out=inside).failed("outside of other packages", "random-vit.glint")
    renamed = base.rename(base.parent / "mine.glint")
    done = glint(
        "adapt", "tip", "--shots", shots, "--model", renamed, "--output", renamed, "--force"
    )
    assert done.failed("another place than that of the base", "random-vit")
    renamed.rename(base)
    assert sorted(base.rglob("*")) == before and glint("verify", base).code == 0


def test_what_the_package_cannot_have_is_refused_before_any_picture_is_read(adapt, tmp_path, shots):
    spoilt = tmp_path / "spoilt"
    shutil.copytree(shots, spoilt)
    (spoilt / "red_thing" / "0.png").write_bytes(b"no picture")
    assert adapt("tip", out="My Pets.glint", folder=spoilt).failed("package name", "My Pets")
    assert adapt("tip", out="random-vit.glint", folder=spoilt).code == 1
    named = os.fsencode(spoilt) + b"/\xff\xfe"
    os.rename(spoilt / "red_thing", named)
    assert adapt("tip", folder=spoilt).failed("the name of a folder", "expected UTF-8")


def test_a_second_cache_is_refused(glint, adapt, base, shots):
    assert adapt("tip").code == 0
    done = glint(
        "adapt", "tip", "--shots", shots, "--model", base.parent / "mine.glint",
        "--output", base.parent / "two.glint",
    )  # fmt: skip
    assert done.failed("a package without a cache")


@pytest.mark.parametrize(
    "arguments",
    [
        ["adapt"],
        ["adapt", "tip"],
        ["adapt", "tip", "--shots", "s"],
        ["adapt", "tip", "--shots", "s", "--output", "o.glint", "--views", "many"],
        ["adapt", "tip", "--shots", "s", "--output", "o.glint", "--epochs", "3"],
        ["adapt", "tip", "--shots", "s", "--output", "o.glint", "--alpha", "-1"],
        ["adapt", "tip", "--shots", "s", "--output", "o.glint", "--alpha", "nan"],
        ["adapt", "tip", "--shots", "s", "--output", "o.glint", "--alpha", "1e300"],
        ["adapt", "tip", "--shots", "s", "--output", "o.glint", "--beta-end", "inf"],
        ["adapt", "tip", "--shots", "s", "--output", "o.glint", "--alpha-end", "0"],
        ["adapt", "tip-f", "--shots", "s", "--output", "o.glint", "--lr", "nan"],
        ["adapt", "tip-f", "--shots", "s", "--output", "o.glint", "--seed", "-1"],
        ["adapt", "tip", "--shots", "s", "--output", "o.glint", "--alpha", "1", "--validate", "v"],
        ["adapt", "tip-f", "--shots", "s", "--output", "o.glint", "--lr", "0"],
        ["adapt", "add", "p", "--class", "x", "--output", "o.glint"],
        ["adapt", "remove", "p", "--output", "o.glint"],
    ],
)
def test_wrong_usage(glint, arguments):
    assert glint(*arguments).code == 2


# evaluate


def test_evaluate_takes_some_of_the_classes(glint, base, validation):
    (answer,) = glint(
        "evaluate", "--folder", validation, "--model", base, "--json", "--per-class",
        "--labels", "red thing, blue thing",
    ).json  # fmt: skip
    assert answer["images"] == 12
    assert [(c["label"], c["images"]) for c in answer["classes"]] == [
        ("blue thing", 6), ("red thing", 6),
    ]  # fmt: skip
    right = sum(c["top1"] * c["images"] for c in answer["classes"])
    assert right == pytest.approx(answer["top1"] * 12)
    done = glint("evaluate", "--folder", validation, "--model", base, "--labels", "red thing, cat")
    assert done.failed("for label", "cat")
    lines = glint("evaluate", "--folder", validation, "--model", base, "--per-class").out.splitlines()
    assert len(lines) == 6 and lines[-1].endswith("red thing")
