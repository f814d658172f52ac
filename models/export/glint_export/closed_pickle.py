"""Tensors out of torch's zip archives, read as data: no code of an archive runs.

Such an archive holds `data.pkl`, a pickle whose tensors name a storage, and `data/N`, the bytes of
storage N.  Unpickling calls what the pickle names, so here it may only name tensors and what a
reader lists beside them; all else is refused.
(torch/csrc/jit/serialization/pickler.cpp and torch/serialization.py write the form;
torch/_utils.py, _rebuild_tensor_v2.)
"""

import math
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

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
# Packages whose objects a checkpoint may hold, and built-in types that these refer to.
_TRAINING = ("numpy", "dassl", "_codecs", "omegaconf", "typing", "pytorch_lightning", "pathlib")
_BUILT_IN = ("dict", "set", "list", "int", "long", "float", "bool", "str")

Known = Callable[[str, str], Any]  # (module, name) -> what stands for this global, None: refused


class Attributes(dict):
    """An object: attribute to value."""

    def __setstate__(self, state: dict) -> None:
        self.update(state)


class _Ordered(dict):
    """An OrderedDict; its attributes, such as a state dict's _metadata, are dropped."""

    def __setstate__(self, state: Any) -> None:
        pass


class _Ignored:
    """Stands for an object that nobody asks for, and takes whatever its pickle gives it."""

    def __init__(self, *_: Any):
        pass

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, value: Any) -> None:
        pass

    def extend(self, values: Any) -> None:
        pass


def _tensor(storage: Tensor, offset: int, size: tuple, stride: tuple, *_: Any) -> Tensor:
    if math.prod(size) > storage.numel():  # a stride of 0 would make much of little
        raise pickle.UnpicklingError(f"a tensor {list(size)} out of {storage.numel()} numbers")
    return storage.as_strided(size, stride, offset)  # torch checks the bounds


def first(value: Any, *_: Any) -> Any:
    return value


class _Unpickler(pickle.Unpickler):
    def __init__(self, archive: zipfile.ZipFile, folder: str, known: Known):
        super().__init__(archive.open(f"{folder}/data.pkl"))
        self._archive, self._folder, self._known = archive, folder, known
        self._storages: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if (module, name) == ("collections", "OrderedDict"):
            return _Ordered
        known = self._known(module, name)
        if known is None:
            raise pickle.UnpicklingError(f"{module}.{name}, which is no part of a model's weights")
        return known

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


def read_archive(path: Path, expected: str, known: Known) -> Any:
    """What the archive's pickle holds.  ExportError says that `path` is not `expected`, and why."""
    if not path.is_file():
        raise ExportError(f"expected {expected}, got no file {path}")
    try:
        if not zipfile.is_zipfile(path):
            raise pickle.UnpicklingError("no whole zip archive, as torch 1.6 and later save")
        with zipfile.ZipFile(path) as archive:
            names = [n.split("/") for n in archive.namelist()]
            folders = [n[0] for n in names if len(n) == 2 and n[1] == "data.pkl"]
            if not folders:
                raise pickle.UnpicklingError("a zip file without data.pkl")
            return _Unpickler(archive, folders[0], known).load()
    except Exception as error:  # unpickling a hostile or cut file raises many kinds
        raise ExportError(f"expected {expected} in {path}, got: {reason(error)}") from error


def _training(module: str, name: str) -> Any:
    """Of checkpoints that training saved: schedulers with their optimiser, numbers, settings."""
    if (module, name) == ("torch._utils", "_rebuild_parameter"):
        return first
    if module.startswith("torch.optim.") or module.split(".")[0] in _TRAINING:
        return _Ignored
    if module == "collections" and name in ("defaultdict", "Counter"):
        return _Ignored
    if module in ("builtins", "__builtin__") and name in _BUILT_IN:
        return _Ignored
    return None


def read_saved(path: Path, expected: str) -> Any:
    """What torch.save wrote: tensors, parameters and containers of them."""
    return read_archive(path, expected, _training)
