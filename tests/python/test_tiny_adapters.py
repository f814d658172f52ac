"""models/tiny: shots, recipes, checkpoints and tables of adapters.  Nothing is trained here."""

import json

import adapter_packages
import adapter_tables
import captions
import evaluate_adapters
import export_clip
import export_vit
import few_shot
import numpy as np
import pytest
import tip
import torch
from bases import load_base
from glint_export import ExportError
from glint_export.adapters.base import About, Base
from glint_export.towers import VisionTransformer
from learners import MapleLearner, zero_shot_classes
from learning import Recipe, accuracy, rate, save_checkpoint
from PIL import Image
from torch.nn import functional as F
from train_adapter import PROMPTS, RECIPES, new_learner
from vit import VIT

MODELS = evaluate_adapters.HERE.parent
ABOUT = About(name="learned", licence="Apache-2.0", provenance={}, classes=captions.CLASSES)
# dassl/optim/lr_scheduler.py, build_lr_scheduler: lr 0.002, 10 epochs, 1 of constant warm-up.
DASSL_RATES = [
    1e-05, 0.002, 0.0019510565162951536, 0.0018090169943749473, 0.0015877852522924731,
    0.0013090169943749475, 0.001, 0.0006909830056250527, 0.000412214747707527,
    0.00019098300562505268,
]  # fmt: skip


@pytest.fixture(scope="module")
def base():
    return load_base(MODELS / "tiny-vit.glint")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """More than are held out, so that the first ones must not be drawn; contents do not matter."""
    folder = tmp_path_factory.mktemp("photos")
    for name in captions.CLASSES:
        (folder / name).mkdir()
        for i in range(few_shot.HELD_OUT + 5):
            (folder / name / f"{i:04}.jpg").write_bytes(f"{name} {i}".encode())
    return folder


def test_shots_are_held_out_photos_that_the_seed_decides(photos):
    drawn = few_shot.draw(photos, 1)
    assert drawn == few_shot.draw(photos, 1) != few_shot.draw(photos, 2)
    for name in captions.CLASSES:
        shots, validation = drawn["shots"][name], drawn["validation"][name]
        assert (len(shots), len(validation)) == (few_shot.SHOTS, few_shot.VALIDATION)
        assert not set(shots) & set(validation)
        assert min(*shots, *validation).name >= "0005.jpg"
    assert len({tuple(f.name for f in its) for its in drawn["shots"].values()}) > 1


def test_written_shots_are_read_as_they_were_drawn(photos, tmp_path):
    drawn = few_shot.draw(photos, 1)
    few_shot.write(drawn, tmp_path / "shots")
    again = few_shot.read_drawn(tmp_path / "shots")
    for part, classes in drawn.items():
        for name, files in classes.items():
            assert [f.read_bytes() for f in files] == [f.read_bytes() for f in again[part][name]]
    with pytest.raises(ExportError, match="got an existing one"):
        few_shot.write(drawn, tmp_path / "shots")


def test_too_few_photos_are_refused(tmp_path):
    (tmp_path / "airplane").mkdir()
    with pytest.raises(ExportError, match="expected 66 photos at least in .*airplane, got 0"):
        few_shot.draw(tmp_path, 1)


def test_some_classes_are_numbered_by_their_place():
    photos = few_shot.Photos(torch.arange(4).view(4, 1, 1, 1), torch.tensor([7, 2, 9, 2]))
    some = photos.of([2, 7])
    assert some.photos.flatten().tolist() == [0, 1, 3]
    assert some.labels.tolist() == [1, 0, 0]


def test_the_schedule_is_the_references():
    got = [rate(Recipe(lr=0.002, epochs=10, batch=1), epoch) for epoch in range(10)]
    assert got == pytest.approx(DASSL_RATES, rel=1e-12)


@pytest.mark.parametrize("method", sorted(RECIPES))
def test_importers_take_what_was_saved(base, tmp_path, method):
    torch.manual_seed(0)
    learner = new_learner(method, base, captions.CLASSES)
    sgd = torch.optim.SGD(learner.parameters(), lr=0.1, momentum=0.9)
    save_checkpoint(learner, sgd, 3, 0.5, tmp_path)
    its = Base(base.package.folder)
    parts = adapter_packages.parts_of(method, tmp_path, its, ABOUT, {})
    (tensors,) = parts.tensors.values()
    assert parts.provenance["epoch"] == "3"
    if method == "maple":
        assert torch.equal(tensors["text_prompts"], learner.text_prompts().detach())
        assert torch.allclose(tensors["image_prompts"], learner.image_prompts(), atol=1e-6)
        assert parts.tasks["classify"]["heads"][0]["parameters"] == {"template": "of a {}."}
    elif method == "clip_adapter":
        assert torch.equal(tensors["down"], learner.fc[0].weight)
        assert torch.equal(tensors["up"], learner.fc[2].weight)
    else:
        assert torch.equal(tensors["context"].float(), learner.ctx)


def test_importers_refuse_prompts_of_another_base(base, tmp_path):
    learner = new_learner("maple", base, captions.CLASSES)
    checkpoint = learner.checkpoint()
    checkpoint["image_encoder.proj"] = checkpoint["image_encoder.proj"] + 0.1
    learner.checkpoint = lambda: checkpoint
    save_checkpoint(learner, torch.optim.SGD(learner.parameters()), 1, 0.5, tmp_path)
    with pytest.raises(ExportError, match="image_encoder.proj differs by up to 0.1"):
        adapter_packages.parts_of("maple", tmp_path, Base(base.package.folder), ABOUT, {})


def test_only_what_is_learned_gets_gradients(base):
    learner = MapleLearner(base, captions.CLASSES, PROMPTS, depth=2)
    learner(torch.randn(2, 3, 32, 32)).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in learner.parameters())
    assert all(p.grad is None for tower in (base.image, base.text) for p in tower.parameters())


def test_learners_answer_for_other_names(base):
    torch.manual_seed(0)
    learner = new_learner("cocoop", base, ["cat", "dog"])
    features = torch.randn(3, 64)
    both = learner(features)
    learner.rename(["ship", "polar_bear", "dog"])
    assert torch.allclose(learner(features)[:, 2], both[:, 1], atol=1e-6)
    alone = torch.cat([learner(row[None]) for row in features])
    assert torch.allclose(learner(features), alone, atol=1e-6)


def _cache(seed=0):
    torch.manual_seed(seed)
    keys = F.normalize(torch.randn(12, 64), dim=1)
    return tip.Cache(tip.stored(keys), torch.arange(12) % 4)


def test_the_search_finds_the_first_best_of_the_whole_grid(monkeypatch):
    monkeypatch.setattr(tip, "SEARCH_STEPS", (9, 7))
    cache, classes = _cache(), F.normalize(torch.randn(4, 64), dim=1)
    features, labels = F.normalize(torch.randn(200, 64), dim=1), torch.randint(4, (200,))
    best = (0.0, 0.0, 0.0)
    for i in range(9):
        for j in range(7):
            beta, alpha = 0.1 + i * 49.9 / 9, 0.1 + j * 49.9 / 7
            logits = tip.Cache(cache.keys, cache.labels, beta, alpha).logits(features, classes)
            right = (logits.argmax(1) == labels).float().mean().item()
            if right > best[0]:
                best = (right, beta, alpha)
    assert tip.search(cache, features, labels, classes) == best[0]
    assert (cache.beta, cache.alpha) == pytest.approx(best[1:])


def test_caches_are_saved_as_the_released_code_does(base, tmp_path):
    cache = _cache()
    tuned = tip.Cache(tip.stored(cache.keys * 1.5), cache.labels)
    adapter_packages.save_caches(cache, tuned, tmp_path)
    found = {"alpha": 2.0, "beta": 3.0}
    for method, expected in (("tip_adapter", cache), ("tip_adapter_f", tuned)):
        its = Base(base.package.folder)
        parts = adapter_packages.parts_of(method, tmp_path, its, ABOUT, found)
        (tensors,) = parts.tensors.values()
        assert torch.equal(tensors["keys"].float(), expected.keys)
        assert torch.equal(tensors["classes"], cache.labels)
        assert parts.logit == (100.0, 0.0)


def test_what_was_measured_is_not_measured_again(tmp_path):
    file = tmp_path / "results.json"
    measured = evaluate_adapters.Measured(file)
    assert measured.once("coop 1", lambda: {"all": 1 / 3}) == {"all": 0.333333}
    again = evaluate_adapters.Measured(file)
    assert again.once("coop 1", lambda: pytest.fail("measured again")) == {"all": 0.333333}
    assert list(tmp_path.iterdir()) == [file]


def test_test_photos_of_every_class_are_required(base, tmp_path):
    with pytest.raises(ExportError, match="expected .jpg photos of every class"):
        evaluate_adapters.Test(tmp_path, base)


def test_accuracy_counts_the_asked_classes_alone(base, tmp_path):
    rng = np.random.default_rng(0)
    for name in captions.CLASSES:
        (tmp_path / name).mkdir()
        pixels = rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / name / "0.jpg")
    test = evaluate_adapters.Test(tmp_path, base)
    truth = F.normalize(test.features, dim=1)
    assert test.accuracy(evaluate_adapters.cosines(truth), evaluate_adapters.ALL) == 1
    half = evaluate_adapters.HALVES["new"]
    assert test.accuracy(evaluate_adapters.cosines(truth[half]), half) == 1
    assert test.accuracy(evaluate_adapters.cosines(truth[half].flip(0)), half) == 0.2  # the middle
    scores = evaluate_adapters.zero_shot(base, test)
    classes = zero_shot_classes(base, captions.CLASSES)
    expected = accuracy(evaluate_adapters.cosines(classes), test.features, torch.arange(10))
    assert scores["all"] == expected


def test_tables_show_means_and_the_harmonic_mean_of_means():
    results = {
        "zero_shot": {"all": 0.4, "base": 0.5, "new": 0.6},
        "coop 1": {"all": 0.5},
        "coop 2": {"all": 0.6},
        "coop split 1": {"base": 0.5, "new": 0.4},
        "coop split 2": {"base": 0.7, "new": 0.2},
    }
    lines = adapter_tables.tables(results, [1, 2]).splitlines()
    assert "| CoOp | 55.00 | 50.00 | 60.00 |" in lines
    assert "| CoOp | 60.00 | 30.00 | 40.00 | 50.00, 70.00 | 40.00, 20.00 |" in lines
    assert not any(line.startswith("| MaPLe") for line in lines)


def test_a_package_is_exported_again_with_the_same_weights():
    folder = MODELS / "tiny-clip.glint"
    parts, base = export_clip.parts_of_package(folder), load_base(folder)
    assert parts.name == "tiny-clip" and len(parts.pictures) == 2
    for tower, stored in ((parts.image, base.image), (parts.text, base.text)):
        for name, tensor in stored.state_dict().items():
            assert torch.equal(tower.state_dict()[name], tensor.half().float())
    assert parts.reference.logit_scale == base.scale


def test_a_distilled_checkpoint_gets_the_other_packages_text_tower(tmp_path, base):
    image = VisionTransformer(VIT)
    torch.save({"model": image.state_dict(), "epoch": 2, "held_out": 0.5}, tmp_path / "c.pt")
    parts = export_vit.parts_of(tmp_path / "c.pt", MODELS / "tiny-clip.glint")
    assert json.loads(json.dumps(parts.provenance))["epoch"] == "2"
    assert torch.equal(parts.image.proj, image.proj.half().float())
    for name, tensor in base.text.state_dict().items():
        assert torch.equal(parts.text.state_dict()[name], tensor)
