"""Sizes of an architecture, read off the shapes of a checkpoint's tensors."""

import re

from .checkpoint import StateDict
from .errors import ExportError

_HEAD = 64  # numbers a head, unless somebody knows better


class Sizes:
    """Sizes of named tensors; an ExportError for one that is not there.

    source: of the tensors; family: what has them.
    """

    def __init__(self, state: StateDict, source: str, family: str):
        self.state, self.source, self.family = state, source, family

    def __call__(self, name: str, axis: int, dimensions: int) -> int:
        tensor = self.state.get(name)
        if tensor is None or tensor.ndim != dimensions or 0 in tensor.shape:
            got = "none" if tensor is None else f"the shape {list(tensor.shape)}"
            raise ExportError(
                f"expected {name} of {dimensions} dimensions in {self.source}, which {self.family} "
                f"has, got {got}"
            )
        return tensor.shape[axis]

    def blocks(self, prefix: str) -> int:
        """Different numbers behind `prefix`; check_shapes() names the gaps."""
        pattern = re.compile(re.escape(prefix) + r"\.(\d+)\.")
        count = len({m[1] for name in self.state if (m := pattern.match(name))})
        if not 1 <= count <= 1000:
            raise ExportError(f"expected blocks {prefix}.N in {self.source}, got {count}")
        return count


def heads_of(width: int, heads: int | None, what: str) -> int:
    """`heads`, or one for 64 numbers; what: the tower."""
    heads = heads or max(1, width // _HEAD)
    if width % heads:
        raise ExportError(f"expected heads that divide the {what}'s width {width}, got {heads}")
    return heads
