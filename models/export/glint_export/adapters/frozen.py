"""The towers in checkpoints of whole models: compared with the base's, not kept."""

import math

import torch
from torch import Tensor

from ..checkpoint import StateDict
from ..errors import ExportError, progress
from .base import Base

_SCALE = "logit_scale"
_NAMED = 5  # differences that an error spells out


def split_frozen(state: StateDict) -> tuple[StateDict, StateDict]:
    """(what was learned, what was not)."""
    learned = {
        name: tensor
        for name, tensor in state.items()
        if name.startswith("prompt_learner.") or name.endswith((".VPT", ".VPT_shallow"))
    }
    return learned, {name: tensor for name, tensor in state.items() if name not in learned}


def _difference(name: str, got: Tensor, expected: Tensor | None) -> str | None:
    """Half precision, which either side may have been stored in, is none."""
    if expected is None:
        return f"{name} is unexpected"
    if got.shape != expected.shape:
        return f"{name} is {list(got.shape)}, the base's {list(expected.shape)}"
    if torch.allclose(got.float(), expected, rtol=2**-10, atol=1e-6):
        return None
    return f"{name} differs by up to {float((got.float() - expected).abs().max()):.3g}"


def check_frozen(base: Base, frozen: StateDict, where: str) -> None:
    """ExportError unless all weights that were not learned are the base's."""
    if not frozen:
        progress(f"note: {where} holds no towers that could be compared with the base's")
        return
    scale = torch.tensor(math.log(base.package.manifest["logit"]["scale"]))
    towers = {"image_encoder.": base.image, "text_encoder.": base.text}
    expected = {
        before + name: tensor
        for before, tower in towers.items()
        for name, tensor in tower.state_dict().items()
    } | {_SCALE: scale}
    compared = ((name, tensor, expected.get(name)) for name, tensor in frozen.items())
    found = [text for one in compared if (text := _difference(*one)) is not None]
    if found:
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        raise ExportError(
            f"expected prompts that were trained with the base {base.package.folder}, "
            f"got other weights in {where}: {'; '.join(found[:_NAMED])}{more}"
        )
