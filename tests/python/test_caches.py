"""Importing CLIP-Adapter and Tip-Adapter: what a package holds, and what is refused."""

import shutil

import pytest
import torch
from adapter_support import CHECKPOINTS, CLASSES, Evil, about, draw
from glint_export import ExportError
from glint_export.adapters import clip_adapter, tip_adapter
from glint_export.closed_pickle import read_saved

DIM = 8  # of adapters.glint


def test_a_cache_has_integer_classes_and_the_literal_scale(adapters):
    folder = CHECKPOINTS / "tip_adapter"
    parts = tip_adapter.read(adapters, about(CLASSES), folder, None, False, (1.0, 2.0), ["{}"])
    tensors = parts.tensors[tip_adapter.TENSORS]
    values = read_saved(folder / "values_2shots.pt", "values")
    assert values.shape == (16, 6)  # no shots of the last of seven classes
    assert torch.equal(tensors["classes"], values.argmax(1)) and tensors["classes"].dim() == 1
    assert tensors["keys"].shape == (16, DIM) and tensors["keys"].dtype == torch.float16
    assert parts.logit == (100.0, 0.0) and parts.classes == CLASSES
    trained = tip_adapter.read(adapters, about(CLASSES), folder, 2, True, (1.0, 2.0), ["{}"])
    assert not torch.equal(trained.tensors[tip_adapter.TENSORS]["keys"], tensors["keys"])


def test_adapters_that_do_not_fit_are_refused(adapters, save):
    down, up = draw(2, DIM), draw(DIM, 2)
    with pytest.raises(ExportError, match="expected a ratio from 0 to 1, got 1.5"):
        clip_adapter.parts_of(adapters, about(), down, up, 1.5)
    with pytest.raises(ExportError, match=r"up is \[8, 3\], expected \[8, 2\]"):
        clip_adapter.parts_of(adapters, about(), down, draw(DIM, 3), 0.2)
    with pytest.raises(ExportError, match=r"fc.0.weight is \[2, 9\], expected \[H, 8\]"):
        path = save({"fc.0.weight": draw(2, 9), "fc.2.weight": up})
        clip_adapter.read(adapters, about(), path, 0.2, ["{}"])


@pytest.fixture
def cache(tmp_path):
    shutil.copytree(CHECKPOINTS / "tip_adapter", tmp_path / "cache")
    return tmp_path / "cache"


def keys_file(cache, change):
    keys = read_saved(cache / "keys_2shots.pt", "keys")
    torch.save(change(keys), cache / "keys_2shots.pt")


def values_file(cache, change):
    torch.save(change(read_saved(cache / "values_2shots.pt", "v")), cache / "values_2shots.pt")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: (f / "values_2shots.pt").unlink(), "a tensor of Tip-Adapter, got no file"),
        (lambda f: shutil.copy(f / "keys_2shots.pt", f / "keys_4shots.pt"), "expected one file"),
        (lambda f: (f / "keys_2shots.pt").unlink(), r"keys_SHOTSshots.pt in .*, got none"),
        (lambda f: keys_file(f, lambda k: 3 * k), "expected keys of length 1 .*, got 3"),
        (lambda f: keys_file(f, lambda k: k.T), r"keys is \[16, 8\], expected \[8, 16\]"),
        (lambda f: keys_file(f, lambda k: k / 0), "keys has values that are not finite"),
        (lambda f: keys_file(f, lambda k: {"keys": k}), "expected a tensor in .*, got dict"),
        (lambda f: keys_file(f, lambda k: Evil(print, ("x",))), "no part of a model's weights"),
        (lambda f: values_file(f, lambda v: 2 * v), "expected one 1 in each row .* row 0"),
        (lambda f: values_file(f, lambda v: v[0]), r"expected one-hot rows \[N, C\]"),
        (lambda f: values_file(f, lambda v: v[:5]), r"keys is \[8, 16\], expected \[8, 5\]"),
    ],
)
def test_caches_that_do_not_fit_are_refused(adapters, cache, change, message):
    change(cache)
    with pytest.raises(ExportError, match=message):
        tip_adapter.read(adapters, about(CLASSES), cache, None, False, (1.0, 1.0), ["{}"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": CLASSES[:5]}, "a list of at least 6 classes for the cache, got 5"),
        ({"numbers": (-1.0, 1.0)}, "expected alpha of at least 0 within f32, got -1.0"),
        ({"numbers": (1.0, float("nan"))}, "expected beta of at least 0 within f32, got nan"),
        ({"numbers": (1e300, 1.0)}, r"expected alpha of at least 0 within f32, got 1e\+300"),
        ({"shots": 4}, "expected keys_4shots.pt in .*, got keys_2shots.pt"),
    ],
)
def test_wrong_questions_to_a_cache_are_refused(adapters, cache, changes, message):
    given = {"classes": CLASSES, "numbers": (1.0, 1.0), "shots": None} | changes
    with pytest.raises(ExportError, match=message):
        tip_adapter.read(
            adapters, about(given["classes"]), cache, given["shots"], False, given["numbers"], ["{}"]
        )


def test_a_name_longer_than_a_text_is_cut_as_in_any_text(adapters):
    names = ["word " * 100, *CLASSES[1:]]
    keys = torch.nn.functional.normalize(torch.ones(1, adapters.embed_dim))
    parts = tip_adapter.parts_of(adapters, about(names), keys, torch.tensor([0]), 1.0, 1.0)
    (call,) = parts.calls
    ids = call.inputs["ids"][0].tolist()
    assert len(ids) == adapters.context and ids[-1] == adapters.tokenizer.eot_token_id
