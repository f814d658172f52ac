"""The committed packages are what their scripts write."""

import importlib.util
from pathlib import Path

import pytest
import torch
from glint_export.package import Package
from glint_export.verify import relative_difference
from safetensors.torch import load_file

GOLDEN = Path(__file__).resolve().parent.parent / "golden"


@pytest.fixture(scope="module")
def again(tmp_path_factory):
    spec = importlib.util.spec_from_file_location("make_tiny_vit", GOLDEN / "make_tiny_vit.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    out = tmp_path_factory.mktemp("golden") / "random-vit.glint"
    script.main(out)
    return out


def test_random_vit_is_intact_and_small():
    folder = GOLDEN / "packages" / "random-vit.glint"
    Package(folder)
    assert sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) < 3.5e6


def test_random_vit_comes_out_again(again):
    folder = GOLDEN / "packages" / "random-vit.glint"
    committed, rewritten = Package(folder).manifest, Package(again).manifest
    vectors = "reference/vectors.safetensors"
    for manifest in (committed, rewritten):  # other processors round the last bit differently
        del manifest["files"][vectors], manifest["reference"]["versions"]
    assert committed == rewritten
    expected, got = load_file(folder / vectors), load_file(again / vectors)
    assert expected.keys() == got.keys()
    for name, value in expected.items():
        if name.startswith(("pixels", "ids")):
            assert torch.equal(got[name], value), name
        else:
            assert relative_difference(got[name], value) <= 1e-5, name
