"""models/tiny: the export of a checkpoint of train_lseg.py, and the committed package."""

import export_lseg
import pytest
import torch
from evaluate_lseg import Segmenter
from glint_export import ExportError, write_package
from glint_export.package import Package
from glint_export.towers import ConvImageEncoder
from lseg_net import TrainLseg
from net import EMBED_DIM, MEAN, STEM, WIDTHS
from PIL import Image
from scenes import BACKGROUND, LABELS, Scenes
from test_tiny_adapters import MODELS

EXAMPLES = MODELS.parent / "examples" / "data"


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    model = TrainLseg()
    model.start_from(ConvImageEncoder(STEM, WIDTHS, EMBED_DIM))
    for name, buffer in model.named_buffers():  # statistics as training leaves them
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 2)
    return model.eval()


@pytest.fixture
def checkpoint(tmp_path, trained):
    state = {"tower": trained.tower().state_dict(), "miou": 0.5, "step": 7}
    torch.save(state, tmp_path / "checkpoint.pt")
    return tmp_path / "checkpoint.pt"


@torch.no_grad()
def test_the_tower_computes_what_the_trained_one_does(trained):
    pixels = torch.randn(3, 3, 64, 96)
    torch.testing.assert_close(trained.tower()(pixels), trained(pixels))


def test_the_backbone_begins_as_tiny_clips(trained):
    torch.manual_seed(0)
    clip = ConvImageEncoder(STEM, WIDTHS, EMBED_DIM)
    model = TrainLseg()
    model.start_from(clip)
    pixels = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        fine = model.backbone(pixels)[0]
        expected = clip.stages[1](clip.stages[0](torch.nn.functional.gelu(clip.stem(pixels))))
    # The row and column that make whole halves are seen from the last cells on.
    torch.testing.assert_close(fine[:, :, :12, :12], expected[:, :, :12, :12])


def test_a_checkpoint_becomes_a_package(tmp_path, checkpoint):
    write_package(tmp_path / "t.glint", export_lseg.parts_of(checkpoint, MODELS / "tiny-clip.glint"))
    manifest = Package(tmp_path / "t.glint").manifest
    assert manifest["family"] == "lseg" and manifest["provenance"]["step"] == "7"
    assert manifest["preprocess"]["default"]["mean"] == list(MEAN)
    parameters = manifest["tasks"]["segment"]["heads"][0]["parameters"]
    assert parameters["single_size"] == 96 and parameters["size_multiple"] == 32


def test_a_checkpoint_of_another_network_is_refused(checkpoint):
    content = torch.load(checkpoint, weights_only=True)
    del content["tower"]["decoder.head.bias"]
    torch.save(content, checkpoint)
    with pytest.raises(ExportError, match="decoder.head.bias is missing"):
        export_lseg.parts_of(checkpoint, MODELS / "tiny-clip.glint")


@torch.no_grad()
def test_the_committed_package_segments():
    folder = MODELS / "tiny-lseg.glint"
    package = Package(folder)
    assert sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) <= 12 * 2**20
    assert package.manifest["family"] == "lseg"
    segmenter = Segmenter(package)
    nothing = torch.zeros(1, 3, 32, 32, dtype=torch.uint8), torch.zeros(1, dtype=torch.long)
    drawn = Scenes(*nothing, 11).backgrounds(8, 96).round().to(torch.uint8)
    # Nobody named what is drawn there: 97 % of held-out scenes' background is told.
    assert float((segmenter.answers(drawn) == BACKGROUND).float().mean()) > 0.9
    for name, label in (("dog.jpeg", "dog"), ("cat.jpeg", "cat")):
        photo = Image.open(EXAMPLES / name).convert("RGB").resize((40, 40))
        pixels = torch.frombuffer(bytearray(photo.tobytes()), dtype=torch.uint8)
        scenes = drawn.clone()
        scenes[:, :, 28:68, 28:68] = pixels.view(40, 40, 3).permute(2, 0, 1)
        inside = segmenter.answers(scenes)[:, 30:66, 30:66]
        assert float((inside == LABELS.index(label)).float().mean()) > 0.5, name
