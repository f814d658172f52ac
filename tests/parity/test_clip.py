"""Scripted towers against open_clip, batches 1, 3 and 8, text lengths from 2 to the context."""

import open_clip
import pytest
import torch
from glint_export import clip
from glint_export.script import load_scripted, save_scripted
from glint_export.verify import check_image, check_text


@torch.no_grad()
@torch.jit.optimized_execution(False)
def check(tmp_path, arch, storage="f32", image_only=False, **options):
    source = clip.load_source(arch, None, 11, **options)
    parts = clip.parts_of(source, "parity", storage, "x", image_only)
    save_scripted(parts.image, storage, tmp_path / "image.pt")
    image = load_scripted(tmp_path / "image.pt")
    worst = [f"image {check_image(image, parts.reference, parts.preprocess['size']):.1e}"]
    if not image_only:
        save_scripted(parts.text, storage, tmp_path / "text.pt")
        text = load_scripted(tmp_path / "text.pt")
        worst.append(f"text {check_text(text, parts.reference, parts.text_width):.1e}")
    print(f"{arch} {storage} {options}: {', '.join(worst)}")
    return source


@pytest.mark.parametrize("storage", ["f32", "f16"])
@pytest.mark.parametrize("quick_gelu", [False, True])
@pytest.mark.parametrize("image_size", [None, 48])
def test_small_vit(tmp_path, tiny_arch, storage, quick_gelu, image_size):
    source = check(tmp_path, tiny_arch, storage, quick_gelu=quick_gelu, image_size=image_size)
    act = source.model.visual.transformer.resblocks[0].mlp.gelu
    assert isinstance(act, open_clip.transformer.QuickGELU) == quick_gelu


@pytest.mark.parametrize("storage", ["f32", "f16"])
@pytest.mark.parametrize("image_size", [None, 96])
def test_small_resnet(tmp_path, tiny_arch, storage, image_size):
    check(tmp_path, "tiny-resnet", storage, image_only=True, image_size=image_size)


def test_vit_b_32_true_shape(tmp_path):
    check(tmp_path, "ViT-B-32", quick_gelu=True)


@pytest.mark.parametrize("arch", ["ViT-B-16", "RN50"])
def test_image_towers_of_true_shape(tmp_path, arch):
    check(tmp_path, arch, image_only=True)  # the text tower is the one of ViT-B-32


@pytest.mark.full
@pytest.mark.parametrize(
    ("arch", "storage", "image_size"),
    [
        ("ViT-B-32", "f16", None),
        ("ViT-B-32", "f32", 288),
        ("ViT-B-16", "f32", None),
        ("ViT-B-16-plus-240", "f32", None),
        ("ViT-L-14", "f32", None),
        ("ViT-L-14-336-quickgelu", "f16", None),
        ("RN50-quickgelu", "f16", None),
        ("RN101", "f32", None),
        ("RN50x4", "f32", None),
        ("RN50x16", "f32", None),
        ("RN50x64", "f32", None),
    ],
)
def test_true_shapes(tmp_path, arch, storage, image_size):
    check(tmp_path, arch, storage, image_size=image_size)
