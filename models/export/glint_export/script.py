"""A tower to a TorchScript archive whose bytes depend on nothing but the tower.

Four things vary in what torch.jit.save writes.  `*.debug_pkl` records hold the paths of the source
files on the exporting computer, and a serialization id is computed over them: both are left out.  The
constants of a class come in the order of a Python set: they are sorted.  Classes of one name are
told apart by a count that runs through the process: earlier classes are forgotten, so that the
first of a name has none, and the counts are made to start at 0 in every archive.
"""

import copy
import itertools
import re
import shutil
import struct
import tempfile
import warnings
import zipfile
from pathlib import Path

import torch
from torch import nn
from torch.jit import _recursive

STORAGE = {"f32": torch.float32, "f16": torch.float16}
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip entry can have
_ALIGNMENT = 64
_EXTRA = struct.Struct("<2sH")  # id, bytes that follow
_COUNT = re.compile(rb"___torch_mangle_\d+")


def _forget_scripted_classes() -> None:
    # As torch's own tests do (torch/testing/_internal/jit_utils.py, clear_class_registry).
    torch._C._jit_clear_class_registry()
    _recursive.concrete_type_store = _recursive.ConcreteTypeStore()
    torch.jit._state._clear_class_state()


def _kept(record: str) -> bool:
    return not record.endswith((".debug_pkl", ".data/serialization_id"))


def _sorted_constants(code: bytes) -> bytes:
    lines = code.splitlines(keepends=True)
    groups = itertools.groupby(lines, key=lambda line: b" : Final[" in line)
    return b"".join(b"".join(sorted(g) if constants else g) for constants, g in groups)


class _Renumbered:
    """Replaces the counts in class names by their order of appearance.

    Names end with a line break or a dot in code and in data.pkl, so their length may change.
    """

    def __init__(self):
        self.seen: dict[bytes, bytes] = {}

    def __call__(self, data: bytes) -> bytes:
        return _COUNT.sub(self._one, data)

    def _one(self, match: re.Match) -> bytes:
        return self.seen.setdefault(match[0], b"___torch_mangle_%d" % len(self.seen))


def _aligned(entry: zipfile.ZipInfo, at: int) -> None:
    """Lets the content of an entry whose header begins at `at` begin at a multiple of 64, with the
    extra field that torch uses for it (caffe2/serialize/inline_container.cc, getPadding): a reader
    can take the weights from where they lie.
    """
    header = at + zipfile.sizeFileHeader + len(entry.filename.encode()) + _EXTRA.size
    padding = -header % _ALIGNMENT
    entry.extra = _EXTRA.pack(b"FB", padding) + bytes(padding)


def copy_records(source: Path, target: Path) -> None:
    """Copies an archive's records in one form, uncompressed and without dates."""
    renumbered = _Renumbered()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for record in filter(_kept, old.namelist()):
            entry = zipfile.ZipInfo(renumbered(record.encode()).decode(), _EPOCH)
            _aligned(entry, new.fp.tell())
            if record.endswith(".py"):
                new.writestr(entry, _sorted_constants(renumbered(old.read(record))))
            elif record.endswith("/data.pkl"):
                new.writestr(entry, renumbered(old.read(record)))
            else:
                entry.file_size = old.getinfo(record).file_size  # decides for zip64
                with old.open(record) as read, new.open(entry, "w") as write:
                    shutil.copyfileobj(read, write, 1 << 20)


def save_scripted(tower: nn.Module, storage: str, path: Path) -> None:
    """Scripts `tower` with its parameters in `storage` and writes the archive; the tower stays."""
    tower = copy.deepcopy(tower).eval().requires_grad_(False).to(STORAGE[storage])
    _forget_scripted_classes()
    with warnings.catch_warnings(), tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        warnings.simplefilter("ignore", FutureWarning)  # TorchScript is in maintenance mode
        plain = Path(scratch) / "archive.pt"  # torch names the archive's folder after the file
        torch.jit.save(torch.jit.script(tower), plain)
        copy_records(plain, path)


def load_scripted(path: Path) -> torch.jit.ScriptModule:
    """An archive in f32, ready to run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return torch.jit.load(str(path), map_location="cpu").float().eval()
