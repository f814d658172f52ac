"""CoOp (Zhou et al. 2022, arXiv:2109.01134): a learned context before, around or behind the name.

Released: KaiyangZhou/CoOp, trainers/coop.py; its folder is prompt_learner.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..checkpoint import check_shapes
from ..errors import ExportError
from ..parts import Call, ExtensionParts
from . import dassl
from .base import About, Base, adapter_parts, check_prompt_room, compact
from .trained_on import PREFIX, SUFFIX, check_base, check_texts

NETWORKS = ("prompt_learner",)
PLACES = ("end", "middle", "front")
TENSORS = "tensors/coop.safetensors"


def context_call(base: Base, vector: Tensor) -> Call:
    """The text tower on one learned vector [width] and the end token: as small as a call can be."""
    end = base.rows([base.tokenizer.eot_token_id])
    rows = torch.cat([vector.detach().float()[None], end])[None]
    return base.call("text", "forward_embedded", embeddings=rows, eot=torch.tensor([1]))


def parts_of(base: Base, about: About, context: Tensor, place: str) -> ExtensionParts:
    """A package of a context [M, width], or [C, M, width]: one for each of `about.classes`.

    place: where the name stands, one of PLACES.
    """
    shape = ("M", base.text_width) if context.ndim == 2 else ("C", "M", base.text_width)
    sizes = check_shapes({"context": context}, {"context": shape}, "CoOp's prompts")
    check_prompt_room(base, sizes["M"], "context")
    if place not in PLACES:
        raise ExportError(f"expected the name's place {', '.join(PLACES)}, got {place!r}")
    if sizes.get("C", len(about.classes)) != len(about.classes):
        raise ExportError(
            f"expected a list of {sizes['C']} classes, one for each context, "
            f"got {len(about.classes)}"
        )
    parameters = {"class_token_position": place}
    return adapter_parts(
        base,
        about,
        [{"type": "coop", "tensors": TENSORS, "parameters": parameters}],
        [context_call(base, context.flatten(0, -2)[-1])],
        tensors={TENSORS: {"context": compact(context)}},
    )


def name_texts(classes: Sequence[str]) -> list[str]:
    return [name.replace("_", " ") + "." for name in classes]


def read(base: Base, about: About, path: Path, place: str) -> ExtensionParts:
    """A package of a Dassl checkpoint; token_prefix and token_suffix are compared and dropped."""
    checkpoint = dassl.read(path, NETWORKS)
    context = checkpoint.state.get("ctx", torch.empty(0))
    shape = ("C", "M", base.text_width) if context.ndim == 3 else ("M", base.text_width)
    where = checkpoint.path.name
    check_shapes(checkpoint.state, {"ctx": shape}, where, (PREFIX, SUFFIX))
    check_base(base, checkpoint.state, where)
    if about.classes:
        texts = name_texts(about.classes)
        check_texts(base, checkpoint.state, context.shape[-2], texts, where)
    return parts_of(base, about.made_of(checkpoint.provenance), context, place)
