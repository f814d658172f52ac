"""models/tiny: export and evaluation of a checkpoint of train_clip.py."""

import json

import evaluate_clip
import export_clip
import numpy as np
import pytest
import torch
from glint_export import ExportError, write_package
from glint_export.package import Package
from net import MEAN, STD, TinyClip
from PIL import Image


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    torch.manual_seed(0)
    model = TinyClip()
    for name, buffer in model.named_buffers():  # statistics as training leaves them
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 2)
    path = tmp_path_factory.mktemp("tiny") / "checkpoint.pt"
    torch.save({"model": model.state_dict(), "epoch": 4, "held_out": 0.5}, path)
    return path


@pytest.fixture(scope="module")
def package(checkpoint):
    out = checkpoint.parent / "tiny-clip.glint"
    write_package(out, export_clip.parts_of(checkpoint, []))
    return Package(out)


def test_export_carries_the_networks_constants(package):
    manifest = package.manifest
    assert manifest["name"] == "tiny-clip" and manifest["embed_dim"] == 64
    assert manifest["preprocess"]["default"]["mean"] == list(MEAN)
    assert manifest["preprocess"]["default"]["std"] == list(STD)
    assert manifest["provenance"]["epoch"] == "4"
    assert manifest["towers"]["image"]["storage"] == "f16"
    assert package.templates() == ["a photo of a {}."]


def test_package_is_small_enough_to_embed(package):
    assert sum(p.stat().st_size for p in package.folder.rglob("*") if p.is_file()) < 16e6


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    state = TinyClip().state_dict()
    del state["log_scale"]
    torch.save({"model": state, "epoch": 0, "held_out": 0.1}, tmp_path / "c.pt")
    with pytest.raises(ExportError, match="log_scale is missing"):
        export_clip.parts_of(tmp_path / "c.pt", [])


def test_a_wrong_fold_is_refused(checkpoint, monkeypatch):
    from net import TrainImageEncoder

    right = TrainImageEncoder.folded

    def wrong(self):
        tower = right(self)
        tower.stages[1].conv2.bias.data += 0.01
        return tower

    monkeypatch.setattr(TrainImageEncoder, "folded", wrong)
    with pytest.raises(
        ExportError, match="folded image tower against the trained one within 1e-05"
    ):
        export_clip.parts_of(checkpoint, [])


def test_evaluation_counts_right_answers(package, tmp_path, capsys, monkeypatch):
    rng = np.random.default_rng(0)
    labels = ["cat", "dog", "ship", "frog", "horse", "truck"]
    for label in labels:
        (tmp_path / label).mkdir()
        for i in range(2):
            picture = Image.fromarray(rng.integers(0, 255, (32, 32, 3), dtype=np.uint8))
            picture.save(tmp_path / label / f"{i}.jpg")
    monkeypatch.setattr(
        "sys.argv", ["evaluate", "--model", str(package.folder), "--folder", str(tmp_path)]
    )
    assert evaluate_clip.main() == 0
    result = json.loads(capsys.readouterr().out)
    assert result["images"] == 12
    assert 0 <= result["top1"] <= result["top5"] <= 1


def test_evaluation_of_an_empty_folder_fails(package, tmp_path):
    with pytest.raises(ExportError, match="expected .jpg pictures"):
        evaluate_clip.evaluate(package, tmp_path)
