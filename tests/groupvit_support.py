"""Small GroupViTs: the released code's checkpoint, and folders as transformers writes them."""

import json
import lzma
from pathlib import Path

import hf_support
import torch
from transformers import CLIPImageProcessor, GroupViTConfig, GroupViTModel

GOLDEN = Path(__file__).resolve().parent / "golden"
PACKAGE = GOLDEN / "packages" / "groupvit.glint"
HEADS = 2  # of the checkpoint's image tower
VISION = {
    "hidden_size": 48,
    "intermediate_size": 96,
    "num_hidden_layers": 4,
    "depths": [2, 1, 1],
    "num_group_tokens": [16, 4, 0],
    "num_output_groups": [16, 4, 4],
    "num_attention_heads": 4,
    "image_size": 32,
    "patch_size": 8,
}


def checkpoint(folder):
    """FOLDER/checkpoint.pth, which golden/make_groupvit.py saved as the released code does."""
    file = folder / "checkpoint.pth"
    file.write_bytes(lzma.decompress((GOLDEN / "groupvit/checkpoint.pth.xz").read_bytes()))
    return file


def merges():
    """The checkpoint's vocabulary."""
    return (PACKAGE / "tokenizer/bpe.txt.gz").read_bytes()


def answers():
    return json.loads((GOLDEN / "groupvit.json").read_text())


def randomise(model, seed=0):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "embedding" in name and "projection" not in name or "group_token" in name:
                weight.normal_(0, 0.5, generator=generator)
            elif weight.ndim > 1:
                weight.normal_(0, weight[0].numel() ** -0.5, generator=generator)
            elif weight.ndim == 1:
                mean = weight.mean().round()  # 1 of a norm's scale, 0 of a bias
                weight.copy_(mean + 0.2 * torch.randn(weight.shape, generator=generator))
        for name, statistic in model.named_buffers():
            if name.endswith("running_mean"):
                statistic.normal_(0, 0.2, generator=generator)
            elif name.endswith("running_var"):
                statistic.uniform_(0.5, 2, generator=generator)


def save(folder, merges, vision=None, text=None):
    """A folder of all parts, as save_pretrained writes it; returns the model."""
    ids = {"vocab_size": 514 + len(merges), "bos_token_id": 512 + len(merges)}
    ids["eos_token_id"] = 513 + len(merges)
    model = GroupViTModel(
        GroupViTConfig(
            text_config=hf_support.TEXT | ids | (text or {}),
            vision_config=VISION | (vision or {}),
            projection_dim=24,
            projection_intermediate_dim=40,
        )
    ).eval()
    randomise(model)
    model.logit_scale.data.fill_(3.0)
    model.save_pretrained(folder)
    hf_support.tokenizer(merges).save_pretrained(folder)
    CLIPImageProcessor(
        size={"shortest_edge": 32},
        crop_size={"height": 32, "width": 32},
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    ).save_pretrained(folder)
    return model
