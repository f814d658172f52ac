"""LSeg's towers, stage by stage, against the released code.

Its answers are golden/lseg.json (golden/make_lseg.py): small networks of all three backbones, every
weight and statistic random, and the released shapes filled with weights that are drawn here again.
Sizes and batches are such that positions are interpolated, and no tower has seen them before.
"""

import lseg_support as support
import pytest
import torch
from glint_export import lseg_checkpoint, pictures
from glint_export.lseg import LOGIT_SCALE, Blocks
from glint_export.package import Package
from glint_export.script import load_scripted, save_scripted
from glint_export.verify import EMBEDDING_BOUND, relative_difference
from PIL import Image
from safetensors.torch import load_file
from torch.nn import functional as F
from torchvision import transforms

# Of logits up to 14.3: pixels are normalised sums over a whole tower, so f32 leaves a few 1e-5.
LOGIT_BOUND = 1e-4


@pytest.fixture(scope="module")
def answers():
    return support.answers()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("lseg")


def scripted(tower, folder):
    save_scripted(tower, "f32", folder / "tower.pt")
    return load_scripted(folder / "tower.pt")


def stages_of(image, pixels):
    """What comes out of each part of the plain module, by the names of the golden."""
    backbone, decoder = image.backbone, image.decoder
    maps = backbone(pixels)
    out = {f"map{i + 1}": x for i, x in enumerate(maps)}
    if hasattr(backbone, "tokens"):
        out |= {f"tap{i + 1}": x for i, x in enumerate(backbone.tokens(pixels))}
    out |= {f"narrow{i}": getattr(decoder, f"narrow{i}")(maps[i - 1]) for i in (1, 2, 3, 4)}
    paths = decoder.paths(maps)
    out |= {f"fusion{i + 1}": x for i, x in enumerate(paths)}
    return out | {"head": decoder.head(paths[0]), "map": image(pixels)}


def difference(got, expected):
    assert list(got.shape) == expected["shape"]
    got = got.flatten()[:: expected["step"]]
    return relative_difference(got, torch.tensor(expected["values"]))


@torch.no_grad()
@torch.jit.optimized_execution(False)
@pytest.mark.parametrize("name", ["vit16", "vit32", "resnet"])
def test_every_stage_is_the_released_codes(folder, answers, name):
    source = support.load(support.checkpoint(folder, name))
    tower = scripted(source.image, folder)
    assert [case["size"][0] for case in answers["nets"][name]] == [2, 3]
    for case in answers["nets"][name]:
        pixels = pictures.noise(*case["size"])
        stages = stages_of(source.image, pixels)
        assert stages.keys() == case["stages"].keys()
        for stage, expected in case["stages"].items():
            assert difference(stages[stage], expected) <= EMBEDDING_BOUND, stage
        whole = tower(pixels)
        assert difference(whole, case["stages"]["map"]) <= EMBEDDING_BOUND
        alone = torch.cat([tower(x[None]) for x in pixels])
        assert relative_difference(alone, whole) <= EMBEDDING_BOUND
        lengths = whole.norm(dim=1)
        assert float((lengths - 1).abs().max()) <= 1e-6


@torch.no_grad()
def test_texts_are_the_released_codes(folder, answers):
    source = support.load(support.checkpoint(folder, "vit16"))
    got = source.text(source.tokenizer(answers["labels"]))
    assert relative_difference(got, torch.tensor(answers["texts"])) <= EMBEDDING_BOUND
    bank = F.normalize(got, dim=1)
    assert relative_difference(bank, torch.tensor(answers["bank"])) <= EMBEDDING_BOUND


def behind(logits, package):
    """The block of a package behind logits [1, K, H, W]."""
    head = package.manifest["tasks"]["segment"]["heads"][0]
    parameters = head["parameters"]
    if parameters["arch_option"] == 0:
        return logits
    block = load_file(package.folder / head["tensors"])
    act = {"relu": F.relu, "lrelu": lambda x: F.leaky_relu(x, 0.01), "tanh": torch.tanh}
    depth = max(1, parameters["block_depth"])
    for i in range(depth):
        classes = logits.transpose(0, 1)
        made = F.conv2d(classes, block["block.weight"], block["block.bias"], padding=1)
        made = made.transpose(0, 1)
        if parameters["arch_option"] == 1:
            made = made + logits.amax(dim=1, keepdim=True)
        logits = made if i == depth - 1 else act[parameters["activation"]](made)
    return logits


@torch.no_grad()
@torch.jit.optimized_execution(False)
@pytest.mark.parametrize("name", support.PACKAGES)
def test_a_single_pass_is_the_released_codes(answers, name):
    package, bank = Package(support.PACKAGES[name]), torch.tensor(answers["bank"])
    spec = package.manifest["preprocess"]["default"]
    normal = transforms.Normalize(spec["mean"], spec["std"])
    for picture, case in answers["cases"][name].items():
        case = case["single"]
        image = Image.open(support.GOLDEN / "lseg" / picture).convert("RGB")
        pixels = normal(transforms.ToTensor()(image))[None]
        pixels = F.interpolate(pixels, case["resized"], mode="bilinear", align_corners=True)
        unit = package.tower("image")(pixels)
        logits = LOGIT_SCALE * torch.einsum("bdyx,kd->bkyx", unit, bank)
        half = behind(logits, package)
        whole = F.interpolate(half, scale_factor=2.0, mode="bilinear", align_corners=True)
        size = image.size[::-1]
        scores = F.interpolate(whole, size, mode="bilinear", align_corners=True)
        for stage, got in (("half", half), ("doubled", whole), ("scores", scores)):
            at = torch.stack([got[0, :, y, x] for y, x in case[stage]["points"]])
            expected = torch.tensor(case[stage]["values"])
            largest = max(1.0, float(expected.abs().max()) / 14.3)  # blocks make them larger
            assert float((at - expected).abs().max()) <= LOGIT_BOUND * largest, (picture, stage)
        answer = scores[0].argmax(0).tolist()
        assert [len(row) for row in case["map"]] == [size[1]] * size[0]
        for got, row in zip(answer, case["map"], strict=True):
            assert all(c in (".", str(i)) for i, c in zip(got, row, strict=True))
        assert sum(row.count(".") for row in case["map"]) < 0.03 * size[0] * size[1]


@torch.no_grad()
@pytest.mark.full
@pytest.mark.parametrize("arch", lseg_checkpoint.ARCHITECTURES)
def test_the_released_shapes(folder, answers, arch):
    released = answers["released"][arch]
    source = lseg_checkpoint.random_source(released["seed"], arch, Blocks())
    tower = scripted(source.image, folder)
    for case in released["maps"]:
        got = tower(pictures.noise(*case["size"]))
        worst = difference(got, case["map"])
        print(f"{arch} {case['size']}: {worst:.1e}")
        assert worst <= EMBEDDING_BOUND


@torch.no_grad()
@pytest.mark.parametrize("size", [(48, 64), (64, 80), (16, 32), (0, 32)])
def test_other_sizes_are_refused_in_the_tower(folder, size):
    source = support.load(support.checkpoint(folder, "resnet"))
    message = f"multiples of 32 from 32 on, got {size[0]} x {size[1]}"
    with pytest.raises(ValueError, match=message):
        source.image(torch.zeros(1, 3, *size))
    with pytest.raises(torch.jit.Error, match=message):
        scripted(source.image, folder)(torch.zeros(1, 3, *size))


@torch.no_grad()
def test_stored_positions_are_taken_as_they_are(folder):
    backbone = support.load(support.checkpoint(folder, "vit16")).image.backbone
    assert backbone.grid == 3
    assert torch.equal(backbone.positions(3, 3), backbone.positional_embedding)
