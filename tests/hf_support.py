"""Small folders as transformers writes them."""

import gzip

import torch
from open_clip.tokenizer import bytes_to_unicode, default_bpe
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

TEXT = {
    "hidden_size": 16,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "hidden_act": "quick_gelu",
}
VISION = {
    "hidden_size": 32,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 32,
    "patch_size": 8,
    "hidden_act": "quick_gelu",
}


def published_merges():
    return gzip.open(default_bpe()).read().decode().split("\n")[1 : 49152 - 256 - 2 + 1]


def vocabulary(merges):
    letters = list(bytes_to_unicode().values())
    tokens = [*letters, *(x + "</w>" for x in letters), *("".join(m.split()) for m in merges)]
    return {token: i for i, token in enumerate([*tokens, "<|startoftext|>", "<|endoftext|>"])}


def tokenizer(merges):
    return CLIPTokenizer(
        vocab=vocabulary(merges), merges=[tuple(merge.split()) for merge in merges]
    )


def model(merges, text=None, vision=None, seed=0):
    """A CLIPModel all of whose parameters are random."""
    ids = {"vocab_size": 514 + len(merges), "bos_token_id": 512 + len(merges)}
    ids["eos_token_id"] = 513 + len(merges)
    config = CLIPConfig(
        text_config=TEXT | ids | (text or {}),
        vision_config=VISION | (vision or {}),
        projection_dim=24,
    )
    made = CLIPModel(config).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in made.named_parameters():
            if weight.ndim > 1:
                embedding = "embedding" in name and "patch" not in name
                spread = 0.5 if embedding else weight[0].numel() ** -0.5
                weight.normal_(0, spread, generator=generator)
            else:
                mean = weight.mean().round()  # 1 of a norm's scale, 0 of a bias
                weight.copy_(mean + 0.2 * torch.randn(weight.shape, generator=generator))
        made.logit_scale.fill_(4.0)
    return made


def save(folder, merges, text=None, vision=None, processor=None):
    """A folder of all parts; returns the model."""
    made = model(merges, text, vision)
    made.save_pretrained(folder)
    tokenizer(merges).save_pretrained(folder)
    options = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
    CLIPImageProcessor(**options | (processor or {})).save_pretrained(folder)
    return made
