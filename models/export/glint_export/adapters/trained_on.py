"""Token embeddings that a checkpoint of learned prompts carries along.

token_prefix [C, 1, W] and token_suffix [C, S, W] are the rows of the start token, and of all that
followed the learned vectors in the training classes' texts.  They are no part of what was learned,
but they tell whether the prompts were trained with this base, and with these names.
"""

import torch
from torch import Tensor

from ..checkpoint import StateDict
from ..errors import ExportError
from .base import Base

PREFIX, SUFFIX = "token_prefix", "token_suffix"


def _equal(got: Tensor, expected: Tensor) -> bool:
    """Up to half precision, which either side may have been stored in."""
    return got.shape == expected.shape and torch.allclose(
        got.float(), expected, rtol=2**-10, atol=1e-6
    )


def _suffix(state: StateDict, name: str, width: int) -> Tensor | None:
    suffix = state.get(name)
    if suffix is not None and (suffix.ndim != 3 or suffix.shape[2] != width):
        raise ExportError(f"expected {name} of [C, S, {width}], got {list(suffix.shape)}")
    return suffix


def check_base(base: Base, state: StateDict, where: str, module: str = "") -> None:
    """The start token's embedding is the base's; a checkpoint without it says nothing.

    module: what stands before the names, "prompt_learner." in whole models.
    """
    prefix = state.get(module + PREFIX)
    if prefix is None:
        return
    start = base.rows([base.tokenizer.sot_token_id])
    if prefix.ndim != 3 or not _equal(prefix, start.expand(len(prefix), 1, -1)):
        raise ExportError(
            f"expected prompts that were trained with the base {base.package.folder}, got another "
            f"start token in {module + PREFIX} of {where}"
        )


def check_texts(
    base: Base, state: StateDict, count: int, texts: list[str], where: str, module: str = ""
) -> None:
    """Class by class, what follows `count` learned vectors is what `texts` say."""
    suffix = _suffix(state, module + SUFFIX, base.text_width)
    if suffix is None:
        return
    if len(suffix) != len(texts):
        raise ExportError(f"expected {len(suffix)} classes, as in {where}, got {len(texts)}")
    fillers = "X " * count
    for i, (rows, text) in enumerate(zip(suffix, texts, strict=True)):
        expected = base.rows(base.ids(fillers + text)[1 + count :])
        if not _equal(rows[: len(expected)], expected):
            raise ExportError(
                f"expected {text!r} as text {i} behind the learned vectors, as the class list says, "
                f"got other words in {module + SUFFIX} of {where}"
            )


def check_words(
    base: Base, state: StateDict, count: int, words: str, where: str, module: str = ""
) -> None:
    """In every class, `words` follow the `count` learned vectors."""
    suffix = _suffix(state, module + SUFFIX, base.text_width)
    if suffix is None or not words:
        return
    expected = base.rows(base.ids("X " * count + words)[1 + count : -1])
    if not _equal(suffix[:, : len(expected)], expected.expand(len(suffix), -1, -1)):
        raise ExportError(
            f"expected the words {words!r} behind {count} learned vectors, got others in "
            f"{module + SUFFIX} of {where}"
        )
