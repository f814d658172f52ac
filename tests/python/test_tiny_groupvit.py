"""models/tiny: scenes, and the export of a checkpoint of train_groupvit.py."""

import export_groupvit
import pytest
import torch
from glint_export import ExportError, write_package
from glint_export.package import Package
from glint_export.towers import ConvImageEncoder
from groupvit_net import SIDE, TrainGroupVit
from groupvit_scores import group_maps, matrices
from net import EMBED_DIM, STEM, WIDTHS
from scenes import BACKGROUND, LABELS, Scenes
from test_tiny_adapters import MODELS


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    model = TrainGroupVit(ConvImageEncoder(STEM, WIDTHS, EMBED_DIM))
    model.projector.norm.running_mean.normal_(0, 0.1)
    model.projector.norm.running_var.uniform_(0.5, 2)
    return model.eval()


@pytest.fixture
def checkpoint(tmp_path, trained):
    state = {"tower": trained.tower().state_dict(), "log_scale": torch.tensor(2.5)}
    numbers = {"threshold": 0.2, "miou": 0.5, "step": 7}
    torch.save(state | numbers, tmp_path / "checkpoint.pt")
    return tmp_path / "checkpoint.pt"


def photos():
    """Each of one colour, which tells its label."""
    labels = torch.arange(20) % 10
    return (20 * labels + 30).to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 32, 32), labels


def test_scenes_come_again_and_maps_tell_what_was_pasted():
    pictures, maps = Scenes(*photos(), 3).draw(6, 64)
    again = Scenes(*photos(), 3).draw(6, 64)
    assert torch.equal(pictures, again[0]) and torch.equal(maps, again[1])
    assert not torch.equal(maps, Scenes(*photos(), 4).draw(6, 64)[1])
    assert len(LABELS) == BACKGROUND + 1 and int(maps.max()) == BACKGROUND
    assert 0.2 < float((maps == BACKGROUND).float().mean()) < 0.9
    pasted = maps != BACKGROUND
    colours = pictures.float().mean(dim=1)
    # Light changes a colour by a fifth and 20 at most.
    expected = 20.0 * maps.float() + 30
    assert bool(((colours - expected).abs() <= 0.2 * expected + 21)[pasted].all())
    assert all(len(set(m.unique().tolist()) - {BACKGROUND}) >= 1 for m in maps)


@torch.no_grad()
def test_the_tower_computes_what_the_trained_one_does_on_cells(trained):
    pixels = torch.randn(3, 3, SIDE, SIDE + 13)
    tower = trained.tower()
    with_cells = trained.groups(trained.patch.cells(pixels))
    for got, expected in zip(tower.groups(pixels), with_cells, strict=True):
        torch.testing.assert_close(got, expected)
    assert with_cells[2].shape[2] == (SIDE // 8) * ((SIDE + 13) // 8)


def test_only_the_best_classes_are_sure_and_groups_are_resized():
    torch.manual_seed(1)
    tokens, bank = torch.randn(1, 4, 8), torch.nn.functional.normalize(torch.randn(7, 8), dim=1)
    embedding = torch.randn(1, 8)
    sure = matrices(embedding, tokens, bank, 10.0)[0]
    best = (embedding @ bank.T).topk(5).indices[0]
    assert set((sure > 0).any(0).nonzero().flatten().tolist()) == set(best.tolist())
    plain = (10 * torch.nn.functional.normalize(tokens[0], dim=1) @ bank.T).softmax(1)
    allowed = plain[:, best] / plain[:, best].sum(1, keepdim=True)
    torch.testing.assert_close(sure[:, best], allowed * plain[:, best])
    first = torch.eye(4).repeat_interleave(1, 0)[None]  # four patches, each a group of its own
    maps = group_maps(first, torch.eye(4)[None], 8)[0]
    assert maps[0, 0] == 0 and maps[0, 7] == 1 and maps[7, 0] == 2 and maps[7, 7] == 3


def test_a_checkpoint_becomes_a_package(tmp_path, checkpoint):
    parts = export_groupvit.parts_of(checkpoint, MODELS / "tiny-clip.glint")
    write_package(tmp_path / "tiny-groupvit.glint", parts)
    manifest = Package(tmp_path / "tiny-groupvit.glint").manifest
    segment = manifest["tasks"]["segment"]["heads"][0]["parameters"]
    assert segment["short_side"] == 96 and segment["crop_size"] == SIDE
    assert segment["background_threshold"] == 0.2 and segment["patch"] == 8
    size = sum(p.stat().st_size for p in (tmp_path / "tiny-groupvit.glint").rglob("*.*"))
    assert size < 12e6


def test_another_checkpoint_is_refused(tmp_path, checkpoint):
    content = torch.load(checkpoint, weights_only=True)
    del content["tower"]["patch.proj.bias"]
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(ExportError, match="patch.proj.bias is missing"):
        export_groupvit.parts_of(tmp_path / "other.pt", MODELS / "tiny-clip.glint")


def test_the_committed_package_is_whole_and_small():
    package = Package(MODELS / "tiny-groupvit.glint")
    assert package.manifest["family"] == "groupvit"
    assert sum(p.stat().st_size for p in package.folder.rglob("*") if p.is_file()) < 12e6
