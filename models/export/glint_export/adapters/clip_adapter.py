"""CLIP-Adapter (Gao et al. 2021, arXiv:2110.04544): a bottleneck on the image embedding.

Released: gaopengcuhk/CLIP-Adapter, clip_adapter.py; its folder is clip_adapter.
"""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from ..checkpoint import check_shapes
from ..errors import ExportError
from ..parts import DEFAULT_TEMPLATES, ExtensionParts
from . import dassl
from .base import About, Base, adapter_parts, compact, zero_shot

NETWORKS = ("clip_adapter",)
TENSORS = "tensors/clip_adapter.safetensors"
_NAMES = {"down": "fc.0.weight", "up": "fc.2.weight"}


def parts_of(
    base: Base,
    about: About,
    down: Tensor,
    up: Tensor,
    ratio: float,
    templates: Sequence[str] = DEFAULT_TEMPLATES,
) -> ExtensionParts:
    """A package of the weights down [H, D] and up [D, H]; ratio, 0 to 1, is the adapter's share."""
    tensors = {"down": down, "up": up}
    shapes = {"down": ("H", base.embed_dim), "up": (base.embed_dim, "H")}
    check_shapes(tensors, shapes, "the adapter")
    if not 0 <= ratio <= 1:
        raise ExportError(f"expected a ratio from 0 to 1, got {ratio}")
    adapter = {"type": "clip_adapter", "tensors": TENSORS, "parameters": {"ratio": ratio}}
    return adapter_parts(
        base,
        about,
        [zero_shot(base), adapter],
        [base.plain_call(templates)],
        templates=list(templates) if base.has_text else [],
        tensors={TENSORS: {name: compact(tensor) for name, tensor in tensors.items()}},
    )


def read(
    base: Base, about: About, path: Path, ratio: float, templates: Sequence[str]
) -> ExtensionParts:
    """A package of a Dassl checkpoint."""
    checkpoint = dassl.read(path, NETWORKS)
    shapes = {_NAMES["down"]: ("H", base.embed_dim), _NAMES["up"]: (base.embed_dim, "H")}
    check_shapes(checkpoint.state, shapes, checkpoint.path.name)
    down, up = (checkpoint.state[_NAMES[name]] for name in ("down", "up"))
    return parts_of(base, about.made_of(checkpoint.provenance), down, up, ratio, templates)
