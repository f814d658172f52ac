"""GroupViT from NVlabs/GroupViT's checkpoints, or with random weights of the released shape.

What a checkpoint does not say is what the released configurations say: heads of 64 numbers, hard
assignment, CLIP's vocabulary.
"""

import io
import math
from math import isqrt
from pathlib import Path

import torch
from open_clip.tokenizer import SimpleTokenizer, default_bpe
from torch import Tensor, nn

from .checkpoint import StateDict, check_shapes
from .closed_pickle import read_saved
from .errors import ExportError, progress
from .groupvit import Source, official_preprocess
from .groupvit_names import from_official, official_name, official_shape
from .package import digest
from .random_weights import randomise
from .sizes import Sizes, heads_of
from .towers import GroupVit, GroupVitConfig, ProjectedTextTransformer, TextConfig

_MAX_SCALE = 100.0  # models/multi_label_contrastive.py clamps there
_IMAGE, _TEXT = "img_encoder.layers", "text_encoder.transformer.resblocks"
_STAGES = 3
_RELEASED = GroupVitConfig(
    image_size=224,
    patch_size=16,
    width=384,
    depths=(6, 3, 3),
    heads=6,
    mlp_dim=1536,
    group_tokens=(64, 8),
    groups=(64, 8),
    token_dims=(192, 192, 192),
    channel_dim=1536,
    projector_dim=4096,
    embed_dim=256,
)


def _grid(size: Sizes) -> int:
    positions = size("img_encoder.pos_embed", 1, 3)
    grid = isqrt(positions)
    if grid * grid != positions:
        raise ExportError(
            f"expected positions of a square grid in {size.source}, got {positions}"
        )
    return grid


def _image_config(size: Sizes, heads: int | None) -> GroupVitConfig:
    width = size("img_encoder.pos_embed", 2, 3)
    patch = size("img_encoder.patch_embed.proj.weight", 2, 4)
    grouping = [f"{_IMAGE}.{stage}.downsample" for stage in (0, 1)]
    first, second = (size(f"{g}.mlp_inter.fc1.weight", 0, 2) for g in grouping)
    mixer = size(f"{_IMAGE}.1.group_projector.1.fc1.weight", 0, 2)
    return GroupVitConfig(
        image_size=patch * _grid(size),
        patch_size=patch,
        width=width,
        depths=tuple(size.blocks(f"{_IMAGE}.{stage}.blocks") for stage in range(_STAGES)),
        heads=heads_of(width, heads, "image tower"),
        mlp_dim=size(f"{_IMAGE}.0.blocks.0.mlp.fc1.weight", 0, 2),
        group_tokens=tuple(size(f"{_IMAGE}.{stage}.group_token", 1, 3) for stage in (0, 1)),
        groups=tuple(size(f"{g}.mlp_inter.fc2.weight", 0, 2) for g in grouping),
        token_dims=(first, second, mixer),
        channel_dim=size(f"{grouping[0]}.mlp_channels.fc1.weight", 0, 2),
        projector_dim=size("img_projector.linear_hidden.0.weight", 0, 3),
        embed_dim=size("img_projector.linear_out.weight", 0, 3),
    )


def _text_config(size: Sizes, embed_dim: int, eot: int) -> TextConfig:
    width = size("text_encoder.positional_embedding", 1, 2)
    return TextConfig(
        vocab_size=size("text_encoder.token_embedding.weight", 0, 2),
        context_length=size("text_encoder.positional_embedding", 0, 2),
        width=width,
        layers=size.blocks(_TEXT),
        heads=heads_of(width, None, "text tower"),
        mlp_dim=size(f"{_TEXT}.0.mlp.c_fc.weight", 0, 2),
        embed_dim=embed_dim,
        quick_gelu=True,
        eot=eot,
    )


def _towers(image: GroupVitConfig, text: TextConfig, projector_dim: int) -> dict[str, nn.Module]:
    return {"image": GroupVit(image), "text": ProjectedTextTransformer(text, projector_dim)}


def _scale(log_scale: Tensor, source: str) -> float:
    """The logit scale, in f32 as the reference computes it."""
    scale = float(log_scale.float().reshape(()).exp().clamp(max=_MAX_SCALE))
    if not math.isfinite(scale) or scale <= 0:
        raise ExportError(f"expected a finite logit_scale in {source}, got {float(log_scale)}")
    return scale


def read_model(path: Path) -> StateDict:
    """The weights of a checkpoint: its `model`, or all of it where training left out the rest."""
    content = read_saved(path, "a checkpoint of NVlabs/GroupViT")
    state = content.get("model", content) if isinstance(content, dict) else content
    if not isinstance(state, dict) or not state:
        raise ExportError(f"expected an object `model` in {path}, got {type(state).__name__}")
    other = [str(k) for k, v in state.items() if not (isinstance(k, str) and isinstance(v, Tensor))]
    if other:
        raise ExportError(f"expected only tensors in `model` of {path}, got {', '.join(other)}")
    return state


def load_source(path: Path, heads: int | None = None, merges: bytes | None = None) -> Source:
    """The towers of a checkpoint file.

    heads: of the image tower, None: one for 64 numbers.  merges: the vocabulary, None: CLIP's.
    """
    progress(f"reading {path.name}")
    state = read_model(path)
    size = Sizes(state, path.name, "GroupViT")
    image = _image_config(size, heads)
    merges = merges or Path(default_bpe()).read_bytes()
    context = size("text_encoder.positional_embedding", 0, 2)
    tokenizer = SimpleTokenizer(io.BytesIO(merges), context_length=context)
    text = _text_config(size, image.embed_dim, tokenizer.eot_token_id)
    if text.vocab_size != tokenizer.vocab_size:
        raise ExportError(
            f"expected {tokenizer.vocab_size} token embeddings, the size of CLIP's vocabulary, "
            f"got {text.vocab_size} in {path.name}"
        )
    with torch.device("meta"):  # shapes only; the tensors come from the file
        towers = _towers(image, text, size("text_projector.linear_hidden.0.weight", 0, 3))
    expected = {
        official_name(tower, name): official_shape(tower, name, tensor.shape)
        for tower, module in towers.items()
        for name, tensor in module.state_dict().items()
    }
    training = [name for name in state if name.endswith(".num_batches_tracked")]
    training.append("multi_label_logit_scale")
    check_shapes(state, expected | {"logit_scale": ()}, path.name, training)
    for tower, weights in from_official(towers, state).items():
        weights = {name: tensor.float().contiguous() for name, tensor in weights.items()}
        towers[tower].load_state_dict(weights, assign=True)
    provenance = {
        "weights": path.name,
        "weights_sha256": digest(path),
        "architecture": "NVlabs/GroupViT, by the shapes of the weights",
        "text_activation": "quick_gelu",
    }
    scale = _scale(state["logit_scale"], path.name)
    return _source(towers, image, text, scale, merges, tokenizer, provenance)


def random_source(seed: int) -> Source:
    """The released shape, all weights random."""
    tokenizer, merges = SimpleTokenizer(), Path(default_bpe()).read_bytes()
    text = TextConfig(
        vocab_size=tokenizer.vocab_size,
        context_length=tokenizer.context_length,
        width=256,
        layers=12,
        heads=4,
        mlp_dim=1024,
        embed_dim=_RELEASED.embed_dim,
        quick_gelu=True,
        eot=tokenizer.eot_token_id,
    )
    towers = _towers(_RELEASED, text, _RELEASED.projector_dim)
    for i, tower in enumerate(towers.values()):
        randomise(tower, seed + i, 12)
    provenance = {
        "weights": f"random, seed {seed}",
        "architecture": "NVlabs/GroupViT, the released configurations'",
        "text_activation": "quick_gelu",
    }
    return _source(towers, _RELEASED, text, 50.0, merges, tokenizer, provenance)


def _source(towers, image, text, scale, merges, tokenizer, provenance) -> Source:
    return Source(
        image=towers["image"].eval(),
        text=towers["text"].eval(),
        image_config=image,
        text_config=text,
        logit_scale=scale,
        preprocess=official_preprocess(image.image_size),
        merges=merges,
        tokenizer=tokenizer,
        provenance=provenance,
    )
