"""LSeg from isl-org/lang-seg's checkpoints, or with random weights of a released shape.

What a checkpoint does not say is what the released code says: heads of 64 numbers, taps behind each
quarter of the blocks, CLIP's vocabulary.  The option, depth and activation of a block behind the
logits are training's arguments, and no checkpoint holds them.
"""

import io
from dataclasses import replace
from math import isqrt
from pathlib import Path

import torch
from open_clip.tokenizer import SimpleTokenizer, default_bpe
from torch import Tensor, nn

from .checkpoint import StateDict, check_shapes
from .closed_pickle import read_saved
from .errors import ExportError, progress
from .groupvit import MEAN, STD
from .lseg import HALF, Blocks, Protocol, Source
from .lseg_names import HEAD_BLOCK, TEXT, from_official, is_unused, official_name, official_shape
from .package import digest
from .random_weights import randomise
from .sizes import Sizes, heads_of
from .towers import (
    LsegConfig,
    LsegImage,
    LsegResnetConfig,
    LsegVitConfig,
    TextConfig,
    TextTransformer,
)

_BLOCKS = "pretrained.model.blocks"
_TEXT_BLOCKS = f"{TEXT}transformer.resblocks"
_CLIP_DIM = 512  # of ViT-B/32, whose text tower goes with all of these
ARCHITECTURES: dict[str, LsegConfig] = {
    "clip_vitl16_384": LsegVitConfig(
        image_size=384, patch_size=16, width=1024, layers=24, heads=16, mlp_dim=4096,
        taps=(5, 11, 17, 23), levels=(256, 512, 1024, 1024), features=256, embed_dim=_CLIP_DIM,
    ),
    "clip_vitb32_384": LsegVitConfig(
        image_size=384, patch_size=32, width=768, layers=12, heads=12, mlp_dim=3072,
        taps=(2, 5, 8, 11), levels=(96, 192, 384, 768), features=256, embed_dim=_CLIP_DIM,
    ),
    "clip_resnet101": LsegResnetConfig(
        width=64, layers=(3, 4, 23, 3), features=256, embed_dim=_CLIP_DIM
    ),
}  # fmt: skip


def _vit_config(size: Sizes, heads: int | None, features: int, embed_dim: int) -> LsegVitConfig:
    width = size("pretrained.model.pos_embed", 2, 3)
    patch = size("pretrained.model.patch_embed.proj.weight", 2, 4)
    positions, layers = size("pretrained.model.pos_embed", 1, 3) - 1, size.blocks(_BLOCKS)
    grid = isqrt(max(positions, 0))
    if grid < 1 or grid * grid != positions:
        raise ExportError(
            f"expected positions of a class token and a square grid in {size.source}, "
            f"got {positions + 1}"
        )
    if layers % 4 or patch not in (4, 8, 16, 32):
        raise ExportError(
            f"expected blocks in four equal parts and patches of 4, 8, 16 or 32 pixels in "
            f"{size.source}, got {layers} blocks and patches of {patch}"
        )
    return LsegVitConfig(
        image_size=patch * grid,
        patch_size=patch,
        width=width,
        layers=layers,
        heads=heads_of(width, heads, "image tower"),
        mlp_dim=size(f"{_BLOCKS}.0.mlp.fc1.weight", 0, 2),
        taps=tuple(layers * i // 4 - 1 for i in (1, 2, 3, 4)),
        levels=tuple(size(f"pretrained.act_postprocess{i}.3.weight", 0, 4) for i in (1, 2, 3, 4)),
        features=features,
        embed_dim=embed_dim,
    )


def _image_config(size: Sizes, heads: int | None) -> LsegConfig:
    features = size("scratch.layer1_rn.weight", 0, 4)
    embed_dim = size("scratch.head1.weight", 0, 4)
    if "pretrained.model.pos_embed" in size.state:
        return _vit_config(size, heads, features, embed_dim)
    if "pretrained.layer1.0.weight" not in size.state:
        raise ExportError(
            f"expected pretrained.model.pos_embed (a vision transformer) or "
            f"pretrained.layer1.0.weight (a ResNet) in {size.source}, got neither"
        )
    stages = ("pretrained.layer1.4", *(f"pretrained.layer{i}" for i in (2, 3, 4)))
    return LsegResnetConfig(
        width=size("pretrained.layer1.0.weight", 0, 4),
        layers=tuple(size.blocks(stage) for stage in stages),
        features=features,
        embed_dim=embed_dim,
    )


def _text_config(size: Sizes, embed_dim: int, eot: int) -> TextConfig:
    width = size(f"{TEXT}positional_embedding", 1, 2)
    return TextConfig(
        vocab_size=size(f"{TEXT}token_embedding.weight", 0, 2),
        context_length=size(f"{TEXT}positional_embedding", 0, 2),
        width=width,
        layers=size.blocks(_TEXT_BLOCKS),
        heads=heads_of(width, None, "text tower"),
        mlp_dim=size(f"{_TEXT_BLOCKS}.0.mlp.c_fc.weight", 0, 2),
        embed_dim=embed_dim,
        quick_gelu=True,
        eot=eot,
    )


def read_model(path: Path) -> StateDict:
    """The weights of the network.

    The file is a checkpoint of pytorch-lightning, whose network is `net`, or the network's state dict
    alone.
    """
    content = read_saved(path, "a checkpoint of isl-org/lang-seg")
    state = content.get("state_dict", content) if isinstance(content, dict) else content
    if not isinstance(state, dict) or not state:
        raise ExportError(f"expected an object `state_dict` in {path}, got {type(state).__name__}")
    other = [str(k) for k, v in state.items() if not (isinstance(k, str) and isinstance(v, Tensor))]
    if other:
        raise ExportError(
            f"expected only tensors in `state_dict` of {path}, got {', '.join(other)}"
        )
    if any(name.startswith("net.") for name in state):
        state = {n.removeprefix("net."): x for n, x in state.items() if n.startswith("net.")}
    return state


def _blocks(state: StateDict, asked: Blocks, source: str) -> Blocks:
    """`asked` with its weights."""
    weight, bias = (state.get(f"{HEAD_BLOCK}.{name}") for name in ("weight", "bias"))
    if (weight is None) != (asked.option == 0):
        what = "no block" if weight is None else "a block"
        raise ExportError(
            f"expected the --arch-option that the model was trained with, which is "
            f"{'0' if weight is None else '1 or 2'} with {what} behind the logits in {source}, "
            f"got {asked.option}"
        )
    return replace(asked, weight=weight, bias=bias)


def load_source(
    path: Path,
    heads: int | None = None,
    blocks: Blocks = Blocks(),  # noqa: B008 (immutable)
    merges: bytes | None = None,
) -> Source:
    """The towers of a checkpoint file.

    heads: of a transformer's image tower, None: one for 64 numbers.  blocks: without its weights.
    merges: the vocabulary, None: CLIP's.
    """
    progress(f"reading {path.name}")
    state = read_model(path)
    size = Sizes(state, path.name, "LSeg")
    image = _image_config(size, heads)
    merges = merges or Path(default_bpe()).read_bytes()
    context = size(f"{TEXT}positional_embedding", 0, 2)
    tokenizer = SimpleTokenizer(io.BytesIO(merges), context_length=context)
    text = _text_config(size, image.embed_dim, tokenizer.eot_token_id)
    if text.vocab_size != tokenizer.vocab_size:
        raise ExportError(
            f"expected {tokenizer.vocab_size} token embeddings, the size of CLIP's vocabulary, "
            f"got {text.vocab_size} in {path.name}"
        )
    with torch.device("meta"):  # shapes only; the tensors come from the file
        towers: dict[str, nn.Module] = {"image": LsegImage(image), "text": TextTransformer(text)}
    expected: dict[str, tuple[int, ...]] = {
        official_name(tower, name): official_shape(name, tensor)
        for tower, module in towers.items()
        for name, tensor in module.state_dict().items()
    }
    if any(name.startswith("scratch.head_block.") for name in state):
        expected |= {f"{HEAD_BLOCK}.weight": (1, 1, 3, 3), f"{HEAD_BLOCK}.bias": (1,)}
    used = {n: x for n, x in state.items() if n in expected or not is_unused(n)}
    check_shapes(used, expected, path.name)
    for tower, weights in from_official(towers, used).items():
        weights = {name: tensor.float().contiguous() for name, tensor in weights.items()}
        towers[tower].load_state_dict(weights, assign=True)
    provenance = {
        "weights": path.name,
        "weights_sha256": digest(path),
        "architecture": "isl-org/lang-seg, by the shapes of the weights",
    }
    blocks = _blocks(used, blocks, path.name)
    return source_of(towers, image, text, blocks, merges, tokenizer, provenance)


def random_source(seed: int, arch: str, blocks: Blocks) -> Source:
    """A released shape, all weights random; of `blocks` the weights are drawn."""
    image, tokenizer = ARCHITECTURES[arch], SimpleTokenizer()
    text = TextConfig(
        vocab_size=tokenizer.vocab_size,
        context_length=tokenizer.context_length,
        width=512,
        layers=12,
        heads=8,
        mlp_dim=2048,
        embed_dim=image.embed_dim,
        quick_gelu=True,
        eot=tokenizer.eot_token_id,
    )
    towers: dict[str, nn.Module] = {"image": LsegImage(image), "text": TextTransformer(text)}
    depth = image.layers if isinstance(image, LsegVitConfig) else sum(image.layers)
    randomise(towers["image"], seed, depth)
    randomise(towers["text"], seed + 1, text.layers)
    if blocks.option:
        generator = torch.Generator().manual_seed(seed + 2)
        weight = torch.randn(1, 1, 3, 3, generator=generator) / 3
        bias = 0.1 * torch.randn(1, generator=generator)
        blocks = replace(blocks, weight=weight, bias=bias)
    provenance = {"weights": f"random, seed {seed}", "architecture": f"isl-org/lang-seg {arch}"}
    merges = Path(default_bpe()).read_bytes()
    return source_of(towers, image, text, blocks, merges, tokenizer, provenance)


def source_of(towers, image, text, blocks, merges, tokenizer, provenance) -> Source:
    resnet = isinstance(image, LsegResnetConfig)
    return Source(
        image=towers["image"].eval(),
        text=towers["text"].eval(),
        embed_dim=image.embed_dim,
        text_width=text.width,
        mean=tuple(MEAN) if resnet else HALF,
        std=tuple(STD) if resnet else HALF,
        merges=merges,
        tokenizer=tokenizer,
        provenance=provenance | {"text_activation": "quick_gelu"},
        blocks=blocks,
        # The released code has no windows with a ResNet; 0 is its mean colour.
        protocol=Protocol(pad=0.0) if resnet else Protocol(),
    )
