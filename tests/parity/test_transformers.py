"""Scripted towers against transformers' CLIPModel on random weights of the true shapes.

The folder is written by save_pretrained and read by the importer; small shapes, pixels and token
ids are in tests/python/test_hf.py.
"""

import hf_support
import pytest
import torch
from glint_export import hf
from glint_export.script import load_scripted, save_scripted
from glint_export.verify import check_image, check_text

TEXT = {
    "hidden_size": 512,
    "intermediate_size": 2048,
    "num_hidden_layers": 12,
    "num_attention_heads": 8,
}
VISION = {"num_hidden_layers": 12, "hidden_size": 768, "intermediate_size": 3072}
VIT_B_32 = VISION | {"num_attention_heads": 12, "image_size": 224, "patch_size": 32}
LARGE_TEXT = TEXT | {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12}
VIT_L_14 = VIT_B_32 | {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "patch_size": 14,
}
PROCESSOR = {"size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224}}


@torch.no_grad()
@torch.jit.optimized_execution(False)
def check(tmp_path, name, text, vision):
    hf_support.save(tmp_path, hf_support.published_merges(), text, vision, PROCESSOR)
    parts = hf.parts_of(tmp_path, "parity", "f32", "x")
    save_scripted(parts.image, "f32", tmp_path / "image.pt")
    save_scripted(parts.text, "f32", tmp_path / "text.pt")
    image, text = load_scripted(tmp_path / "image.pt"), load_scripted(tmp_path / "text.pt")
    worst_image = check_image(image, parts.reference, parts.preprocess["size"])
    worst_text = check_text(text, parts.reference, parts.text_width)
    print(f"CLIPModel {name}: image {worst_image:.1e}, text {worst_text:.1e}")


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "text", "vision"),
    [("ViT-B-32", TEXT, VIT_B_32), ("ViT-L-14", LARGE_TEXT, VIT_L_14)],
    ids=["b-32", "l-14"],
)
def test_true_shapes(tmp_path, name, text, vision):
    check(tmp_path, name, text, vision)
