"""A package of LSeg from its towers; lseg_checkpoint.py brings them.

The plain Python towers are the reference; tests/parity/test_lseg.py compares them with what the
released code computed.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor

from . import pictures
from .checkpoint import round_to_half
from .parts import Call, Methods, PackageParts, method, port
from .preprocess import transform
from .reference import Reference
from .towers import LsegImage, TextTransformer
from .towers.lseg import SIZE_MULTIPLE

HALF = (0.5, 0.5, 0.5)  # mean and deviation with a vision transformer (modules/lseg_module.py)
LOGIT_SCALE = 1 / 0.07  # a constant of the released code, not in its checkpoints
BLOCK_FILE = "tensors/lseg.safetensors"


@dataclass(frozen=True)
class Blocks:
    """What follows the logits: nothing (option 0), or convolutions that all classes share.

    Option 1 adds to each class the maximum over the classes ("bottleneck"), option 2 does not
    ("depthwise"); the one block is applied `depth` times, at least once, the last time without its
    activation (modules/models/lseg_net.py).
    """

    option: int = 0
    depth: int = 0
    activation: str = "lrelu"
    weight: Tensor | None = None  # [1, 1, 3, 3]
    bias: Tensor | None = None  # [1]

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        if self.option == 0:
            return {}
        made = {"block.weight": self.weight.float(), "block.bias": self.bias.float()}
        return {BLOCK_FILE: made}


@dataclass(frozen=True)
class Protocol:
    """How the released code evaluates a picture (modules/lseg_module.py and
    additional_utils/models.py); sides in pixels.

    single_size: the long side of a picture in one pass.  pad: what fills a window beyond the
    picture, black where mean and deviation are 0.5.
    """

    base_size: int = 520
    crop_size: int = 480
    scales: str = "0.5,0.75,1,1.25,1.5,1.75"
    flip: bool = True
    single_size: int = 480
    pad: float = -1.0


@dataclass(frozen=True)
class Source:
    """Towers with their weights, and what is known about them."""

    image: LsegImage
    text: TextTransformer
    embed_dim: int
    text_width: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    merges: bytes
    tokenizer: SimpleTokenizer
    provenance: dict[str, str]
    blocks: Blocks = field(default_factory=Blocks)
    protocol: Protocol = field(default_factory=Protocol)


def image_methods(embed_dim: int) -> Methods:
    pixels = port("pixels", "f32", "B", 3, "H", "W")
    return {"forward": method([pixels], port("map", "f32", "B", embed_dim, "Y", "X"))}


def preprocess_of(source: Source) -> dict[str, Any]:
    """The head sets another size for every scale."""
    return {
        "size": [source.protocol.crop_size] * 2,
        "geometry": "squash",
        "interpolation": "bilinear",
        "antialias": False,
        "arithmetic": "torch",
        "align_corners": True,
        "rgb": "before",
        "rescale": "div255",
        "channels": "rgb",
        "mean": list(source.mean),
        "std": list(source.std),
    }


def tasks(blocks: Blocks, protocol: Protocol) -> dict[str, Any]:
    """Segmentation; the prompt is the bare label."""
    parameters = {
        "base_size": protocol.base_size,
        "crop_size": protocol.crop_size,
        "stride": int(protocol.crop_size * (2.0 / 3.0)),
        "scales": protocol.scales,
        "flip": protocol.flip,
        "single_size": protocol.single_size,
        "size_multiple": SIZE_MULTIPLE,
        "pad": protocol.pad,
        "arch_option": blocks.option,
        "block_depth": blocks.depth,
        "activation": blocks.activation,
    }
    head = {
        "type": "lseg",
        "templates": None,
        "parameters": parameters,
        "tensors": BLOCK_FILE if blocks.option else None,
    }
    return {"segment": {"preprocess": "default", "heads": [head]}}


@torch.no_grad()
def call_of(image: LsegImage, *size: int) -> Call:
    """What the tower makes of noise; size: batch, height, width."""
    pixels = pictures.noise(*size)
    return Call("image", "forward", {"pixels": pixels}, {"map": image(pixels)})


def parts_of(
    source: Source, name: str, storage: str, licence: str, image_only: bool = False
) -> PackageParts:
    """A package of towers.  With storage f16 their weights are rounded."""
    if storage == "f16":
        round_to_half(source.image)
        round_to_half(source.text)
    preprocess, side = preprocess_of(source), source.protocol.crop_size
    parts = PackageParts(
        name=name,
        image=source.image,
        text=source.text,
        text_width=source.text_width,
        embed_dim=source.embed_dim,
        activation="quick_gelu",  # of the text tower
        preprocess=preprocess,
        merges=source.merges,
        reference=Reference(
            pixels=transform(preprocess),
            tokenizer=source.tokenizer,
            image=None,
            text=source.text,
            logit_scale=LOGIT_SCALE,
            logit_bias=0.0,
        ),
        licence=licence,
        provenance=source.provenance,
        storage=storage,
        family="lseg",
        templates=[],
        methods={"image": image_methods(source.embed_dim)},
        tasks=tasks(source.blocks, source.protocol),
        tensors=source.blocks.tensors(),
        # Other batches and sizes than a window's, one of them of the smallest size.
        calls=[call_of(source.image, 2, 32, 64)],
        checked=[call_of(source.image, 1, side, side), call_of(source.image, 3, 96, 32)],
    )
    return parts.image_only() if image_only else parts
