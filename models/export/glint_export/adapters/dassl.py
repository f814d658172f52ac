"""Checkpoints of Dassl.pytorch (dassl/utils/torchtools.py, save_checkpoint; dassl/engine/trainer.py).

Training writes OUTPUT/NETWORK/model.pth.tar-EPOCH, and model-best.pth.tar where it has photos to
choose by: {"state_dict", "epoch", "optimizer", "scheduler", "val_result"}.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ..checkpoint import StateDict
from ..closed_pickle import read_saved
from ..errors import ExportError, progress
from ..package import digest

_BEST = "model-best.pth.tar"
_EPOCH = re.compile(r"model\.pth\.tar-(\d+)")


@dataclass(frozen=True)
class Checkpoint:
    state: StateDict
    path: Path
    provenance: dict[str, str]


def _find(path: Path, networks: Sequence[str]) -> Path:
    """The checkpoint that the released load_model takes by default, else the last epoch's."""
    if not path.is_dir():
        return path
    folders = [path / name for name in networks if (path / name).is_dir()]
    if len(folders) > 1:
        raise ExportError(f"expected one of {' and '.join(map(str, folders))}, got both")
    folder = folders[0] if folders else path
    if (folder / _BEST).is_file():
        return folder / _BEST
    found = [(int(m[1]), file) for file in folder.iterdir() if (m := _EPOCH.fullmatch(file.name))]
    if not found:
        raise ExportError(
            f"expected {_BEST} or model.pth.tar-EPOCH in {path}"
            f"{' or its folder ' + ' or '.join(networks) if not folders else ''}, got none"
        )
    return max(found)[1]


def read(path: Path, networks: Sequence[str]) -> Checkpoint:
    """The state dict of a checkpoint, of the file or folder `path`.

    networks: the folder's names that the method's trainer gives it.
    """
    path = _find(path, networks)
    progress(f"reading {path.name}")
    content = read_saved(path, "a checkpoint of Dassl")
    state = content.get("state_dict") if isinstance(content, dict) else None
    if not isinstance(state, dict) or not state:
        raise ExportError(f'expected a checkpoint of Dassl with "state_dict" in {path}, got none')
    bad = [str(k) for k, v in state.items() if not (isinstance(k, str) and isinstance(v, Tensor))]
    if bad:
        raise ExportError(
            f"expected only tensors in the state_dict of {path}, "
            f"got other values: {', '.join(bad)}"
        )
    provenance = {"checkpoint": path.name, "checkpoint_sha256": digest(path)}
    if isinstance(content.get("epoch"), int):
        provenance["epoch"] = str(content["epoch"])
    state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    return Checkpoint(state, path, provenance)
