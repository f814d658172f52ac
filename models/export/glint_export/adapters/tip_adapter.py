"""Tip-Adapter and Tip-Adapter-F (Zhang et al. 2022, arXiv:2207.09519): a cache of labelled images.

Released: gaopengcuhk/Tip-Adapter, utils.py and main.py, which save keys_{S}shots.pt [D, N],
values_{S}shots.pt, one-hot [N, C], and the trained keys best_F_{S}shots.pt [N, D].
"""

import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..checkpoint import check_shapes
from ..closed_pickle import read_saved
from ..errors import ExportError, progress
from ..package import digest
from ..parts import DEFAULT_TEMPLATES, ExtensionParts
from .base import About, Base, adapter_parts, compact, zero_shot

TENSORS = "tensors/tip_adapter.safetensors"
SCALE = 100.0  # of the cosines, written into the released code
_KEYS = re.compile(r"keys_(\d+)shots\.pt")
_LENGTH = 0.01  # by which a key's may miss 1; half precision misses by 0.001


def parts_of(
    base: Base,
    about: About,
    keys: Tensor,
    classes: Tensor,
    alpha: float,
    beta: float,
    templates: Sequence[str] = DEFAULT_TEMPLATES,
) -> ExtensionParts:
    """A package of keys [N, D] and, for each, a position in `about.classes`, i64 [N]."""
    check_shapes({"keys": keys}, {"keys": ("N", base.embed_dim)}, "the cache")
    if classes.dtype != torch.int64 or list(classes.shape) != [len(keys)]:
        raise ExportError(f"expected i64 classes of {len(keys)} keys, got {list(classes.shape)}")
    if not 0 <= int(classes.min()) <= int(classes.max()) < len(about.classes):
        raise ExportError(
            f"expected a list of at least {int(classes.max()) + 1} classes for the cache, "
            f"got {len(about.classes)}"
        )
    for name, value in (("alpha", alpha), ("beta", beta)):
        if not 0 <= value <= torch.finfo(torch.float32).max:
            raise ExportError(f"expected {name} of at least 0 within f32, got {value}")
    cache = {
        "type": "tip_adapter",
        "tensors": TENSORS,
        "parameters": {"alpha": alpha, "beta": beta},
    }
    return adapter_parts(
        base,
        about,
        [zero_shot(base), cache],
        [base.plain_call(templates, about.classes[0].replace("_", " "))],
        templates=list(templates) if base.has_text else [],
        tensors={TENSORS: {"keys": compact(keys), "classes": classes}},
        logit=(SCALE, 0.0),
    )


def _shots(folder: Path, shots: int | None) -> int:
    if not folder.is_dir():
        raise ExportError(f"expected a folder with keys_SHOTSshots.pt, got no folder {folder}")
    found = sorted(int(m[1]) for file in folder.iterdir() if (m := _KEYS.fullmatch(file.name)))
    if shots in found or (shots is None and len(found) == 1):
        return found[0] if shots is None else shots
    there = ", ".join(f"keys_{n}shots.pt" for n in found) or "none"
    wanted = "one file keys_SHOTSshots.pt" if shots is None else f"keys_{shots}shots.pt"
    raise ExportError(f"expected {wanted} in {folder}, got {there}")


def _read_tensor(path: Path) -> Tensor:
    progress(f"reading {path.name}")
    tensor = read_saved(path, "a tensor of Tip-Adapter")
    if not isinstance(tensor, Tensor):
        raise ExportError(f"expected a tensor in {path}, got {type(tensor).__name__}")
    return tensor.detach()


def _classes(values: Tensor, path: Path) -> Tensor:
    """Where the 1 of each row stands; the width is the largest label that occurred, plus one."""
    if values.ndim != 2 or 0 in values.shape:
        raise ExportError(f"expected one-hot rows [N, C] in {path}, got {list(values.shape)}")
    ones = values == 1
    wrong = ((ones.sum(1) != 1) | ((values != 0).sum(1) != 1)).nonzero()
    if len(wrong):
        raise ExportError(f"expected one 1 in each row of {path}, got another row {int(wrong[0])}")
    return ones.int().argmax(1)


def _check_unit(keys: Tensor, path: Path) -> None:
    length = keys.float().norm(dim=1)
    worst = float(length[(length - 1).abs().argmax()])
    if not abs(worst - 1) <= _LENGTH:  # NaN fails too
        raise ExportError(f"expected keys of length 1 in the columns of {path}, got {worst:.3g}")


def read(
    base: Base,
    about: About,
    folder: Path,
    shots: int | None,
    trained: bool,
    numbers: tuple[float, float],
    templates: Sequence[str],
) -> ExtensionParts:
    """A package of the released code's cache folder; numbers: alpha and beta.

    shots None: those of the only cache there.  trained: Tip-Adapter-F's keys.
    """
    shots = _shots(folder, shots)
    values = folder / f"values_{shots}shots.pt"
    classes = _classes(_read_tensor(values), values)
    path = folder / (f"best_F_{shots}shots.pt" if trained else f"keys_{shots}shots.pt")
    keys = _read_tensor(path)
    if not trained:
        check_shapes({"keys": keys}, {"keys": (base.embed_dim, len(classes))}, path.name)
        keys = keys.T
        _check_unit(keys, path)
    else:
        check_shapes({"keys": keys}, {"keys": (len(classes), base.embed_dim)}, path.name)
    sources = {"keys": path.name, "keys_sha256": digest(path)}
    sources |= {"values": values.name, "values_sha256": digest(values)}
    return parts_of(base, about.made_of(sources), keys, classes, *numbers, templates)
