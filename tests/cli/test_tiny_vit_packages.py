"""models/tiny-vit.glint and what learned on it from a few photos."""

import json

import pytest
from program_support import PHOTOS, ROOT

MODELS = ROOT / "models"
CLASSES = "airplane,automobile,bird,cat,deer,dog,frog,horse,ship,truck"
LEARNED = ["coop", "cocoop", "maple", "clip-adapter", "tip-adapter", "tip-adapter-f"]
MOST_BYTES = 60_000


def package(name):
    return MODELS / f"tiny-vit-{name}.glint"


def classify(glint, model, *labels):
    photos = [PHOTOS / "cat.jpeg", PHOTOS / "dog.jpeg"]
    done = glint("classify", *photos, "--model", model, "--json", "--top-k", "0", *labels)
    assert done.code == 0, done.err
    return [{p["label"]: p["logit"] for p in answer["predictions"]} for answer in done.json]


def test_the_base_verifies_and_is_small(glint):
    base = MODELS / "tiny-vit.glint"
    assert glint("verify", base).code == 0
    assert sum(p.stat().st_size for p in base.rglob("*") if p.is_file()) < 12e6


@pytest.mark.parametrize("name", LEARNED)
def test_learned_packages_verify_and_are_small(glint, name):
    done = glint("verify", package(name))
    assert done.code == 0, done.err
    assert sum(p.stat().st_size for p in package(name).rglob("*") if p.is_file()) < MOST_BYTES
    manifest = json.loads((package(name) / "glint.json").read_text())
    assert manifest["extends"]["name"] == "tiny-vit"


@pytest.mark.parametrize("name", LEARNED)
def test_they_answer_otherwise_than_the_base(glint, name):
    base = classify(glint, MODELS / "tiny-vit.glint", "--labels", CLASSES)
    learned = classify(glint, package(name), "--labels", CLASSES)
    assert [set(one) for one in learned] == [set(CLASSES.split(","))] * 2
    assert learned != base


def test_caches_know_their_classes_and_prompts_take_any(glint):
    assert set(classify(glint, package("tip-adapter"))[0]) == set(CLASSES.split(","))
    answers = classify(glint, package("coop"), "--labels", "kitten,lorry")
    assert set(answers[0]) == {"kitten", "lorry"}
    done = glint(
        "classify", PHOTOS / "cat.jpeg", "--labels", "kitten", "--model", package("tip-adapter")
    )
    assert done.failed("expected labels among the 10 classes", "kitten")
