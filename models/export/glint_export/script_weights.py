"""The weights of a TorchScript archive, read as data: none of its code is compiled or run.

torch.jit.load compiles the archive's code and runs what it defines for unpickling, which is to run
a program of whoever made the file.  OpenAI's checkpoints are such archives, yet only their weights
are wanted.  They lie in two kinds of zip records: `data.pkl`, a pickle of the module tree whose
leaves name a storage, and `data/N`, the bytes of storage N.  The unpickler here knows tensors,
containers and the archive's own classes, which become plain dicts; any other global is refused.
(torch/csrc/jit/serialization/pickler.cpp writes the form; torch/_utils.py, _rebuild_tensor_v2.)
"""

import math
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .checkpoint import StateDict, read_state_dict
from .errors import ExportError, reason

_STORAGES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
_SETTINGS = ("input_resolution", "context_length", "vocab_size")  # in OpenAI's; no weights
_LISTS = ("build_intlist", "build_doublelist", "build_boollist", "build_tensorlist")


class _Module(dict):
    """An object of the archive: attribute to value."""

    def __setstate__(self, state: dict) -> None:
        self.update(state)


def _tensor(storage: Tensor, offset: int, size: tuple, stride: tuple, *_: Any) -> Tensor:
    if math.prod(size) > storage.numel():  # a stride of 0 would make much of little
        raise pickle.UnpicklingError(f"a tensor {list(size)} out of {storage.numel()} numbers")
    return storage.as_strided(size, stride, offset)  # torch checks the bounds


def _first(value: Any, *_: Any) -> Any:
    return value


class _Unpickler(pickle.Unpickler):
    def __init__(self, archive: zipfile.ZipFile, folder: str):
        super().__init__(archive.open(f"{folder}/data.pkl"))
        self._archive, self._folder = archive, folder
        self._storages: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] == "__torch__":
            return _Module
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch.jit._pickle" and name in (*_LISTS, "restore_type_tag"):
            return _first
        if (module, name) == ("collections", "OrderedDict"):
            return dict
        raise pickle.UnpicklingError(f"{module}.{name}, which is no part of a module's weights")

    def persistent_load(self, pid: Any) -> Tensor:
        kind, dtype, key, _device, count = pid
        if kind != "storage" or not isinstance(dtype, torch.dtype):
            raise pickle.UnpicklingError(f"a persistent id of kind {kind!r}")
        if key not in self._storages:
            record = self._archive.getinfo(f"{self._folder}/data/{key}")
            if record.compress_type != zipfile.ZIP_STORED:
                raise pickle.UnpicklingError(f"a compressed storage {key}")
            if record.file_size != count * dtype.itemsize:
                raise pickle.UnpicklingError(
                    f"{record.file_size} bytes in storage {key}, "
                    f"which should have {count} of {dtype}"
                )
            data = bytearray(self._archive.read(record))
            self._storages[key] = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0)
        return self._storages[key]


def _collect(module: _Module, prefix: str, weights: StateDict) -> None:
    for name, value in module.items():
        if isinstance(value, Tensor):
            weights[prefix + name] = value
        elif isinstance(value, _Module):
            _collect(value, f"{prefix}{name}.", weights)


def is_script_archive(path: Path) -> bool:
    """Whether `path` is a zip file with TorchScript code."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(len(p := n.split("/")) > 2 and p[1] == "code" for n in archive.namelist())


def read_script_weights(path: Path) -> StateDict:
    """Parameters and buffers of a TorchScript archive by their names, in their stored types."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [n.split("/") for n in archive.namelist()]
            folder = next(n[0] for n in names if len(n) == 2 and n[1] == "data.pkl")
            module = _Unpickler(archive, folder).load()
    except Exception as error:  # unpickling a hostile or cut file raises many kinds
        raise ExportError(
            f"expected a TorchScript archive of a module in {path}, got: {reason(error)}"
        ) from error
    weights: StateDict = {}
    if isinstance(module, _Module):
        _collect(module, "", weights)
    if not weights:
        raise ExportError(f"expected a TorchScript archive of a module in {path}, got no weights")
    return weights


def read_checkpoint(path: Path) -> StateDict:
    """The weights of a state dict or a TorchScript archive, without OpenAI's settings."""
    weights = read_script_weights(path) if is_script_archive(path) else read_state_dict(path)
    return {name: tensor for name, tensor in weights.items() if name not in _SETTINGS}
