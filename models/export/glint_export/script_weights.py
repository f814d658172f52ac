"""The weights of a TorchScript archive, read as data: none of its code is compiled or run.

torch.jit.load compiles the archive's code and runs what it defines for unpickling, which is to run
a program of whoever made the file.  OpenAI's checkpoints are such archives, yet only their weights
are wanted: the tensors in a pickle of the module tree (closed_pickle.py), whose classes, the
archive's own, become plain dicts.
"""

import zipfile
from pathlib import Path
from typing import Any

from torch import Tensor

from .checkpoint import StateDict, read_state_dict
from .closed_pickle import Attributes, first, read_archive
from .errors import ExportError

_SETTINGS = ("input_resolution", "context_length", "vocab_size")  # in OpenAI's; no weights
_LISTS = ("build_intlist", "build_doublelist", "build_boollist", "build_tensorlist")


def _known(module: str, name: str) -> Any:
    if module.split(".")[0] == "__torch__":
        return Attributes
    if module == "torch.jit._pickle" and name in (*_LISTS, "restore_type_tag"):
        return first
    return None


def _collect(module: Attributes, prefix: str, weights: StateDict) -> None:
    for name, value in module.items():
        if isinstance(value, Tensor):
            weights[prefix + name] = value
        elif isinstance(value, Attributes):
            _collect(value, f"{prefix}{name}.", weights)


def is_script_archive(path: Path) -> bool:
    """Whether `path` is a zip file with TorchScript code."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(len(p := n.split("/")) > 2 and p[1] == "code" for n in archive.namelist())


def read_script_weights(path: Path) -> StateDict:
    """Parameters and buffers of a TorchScript archive by their names, in their stored types."""
    module = read_archive(path, "a TorchScript archive of a module", _known)
    weights: StateDict = {}
    if isinstance(module, Attributes):
        _collect(module, "", weights)
    if not weights:
        raise ExportError(f"expected a TorchScript archive of a module in {path}, got no weights")
    return weights


def read_checkpoint(path: Path) -> StateDict:
    """The weights of a state dict or a TorchScript archive, without OpenAI's settings."""
    weights = read_script_weights(path) if is_script_archive(path) else read_state_dict(path)
    return {name: tensor for name, tensor in weights.items() if name not in _SETTINGS}
