"""Folders that other libraries save models in: JSON files and weights, split or whole."""

import json
from pathlib import Path
from typing import Any

from .checkpoint import StateDict, read_state_dict
from .errors import ExportError
from .package import digest


def require(condition: bool, expected: str, got: Any, where: str) -> None:
    if not condition:
        raise ExportError(f"expected {expected}, got {got} in {where}")


def _parsed(path: Path, what: str) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise ExportError(f"expected a readable file {path}, got: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ExportError(f"expected {what} in {path}, got: {error}") from error


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; ExportError names the file when it is missing or something else."""
    value = _parsed(path, "a JSON object")
    if not isinstance(value, dict):
        raise ExportError(f"expected a JSON object in {path}, got {type(value).__name__}")
    return value


def read_strings(path: Path, what: str) -> list[str]:
    """A JSON array of strings, which are `what`."""
    value = _parsed(path, f"a JSON array of {what}")
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ExportError(f"expected a JSON array of {what} in {path}, got another value")
    halves = next((text for text in value if any("\ud800" <= c <= "\udfff" for c in text)), None)
    if halves is not None:
        raise ExportError(f"expected Unicode text as {what} in {path}, got {halves!a}")
    return value


def _shards(index: Path) -> list[Path]:
    """The files that an index of split weights names, all of them beside it."""
    names = read_json(index).get("weight_map")
    if not isinstance(names, dict) or not names:
        raise ExportError(f"expected a weight_map in {index}, got none")
    wrong = [n for n in names.values() if not isinstance(n, str) or Path(n).name != n]
    if wrong:
        raise ExportError(f"expected names of files beside {index}, got {wrong[0]!r}")
    return [index.parent / name for name in sorted(set(names.values()))]


def read_weights(folder: Path, names: tuple[str, ...]) -> tuple[StateDict, dict[str, str]]:
    """(tensors, provenance) of the first of `names` in `folder`, whole or split (.index.json)."""
    if not folder.is_dir():
        raise ExportError(f"expected a folder, got no folder {folder}")
    for name in names:
        if (folder / name).is_file():
            files = [folder / name]
        elif (folder / f"{name}.index.json").is_file():
            files = _shards(folder / f"{name}.index.json")
        else:
            continue
        state: StateDict = {}
        for file in files:
            state |= read_state_dict(file)
        return state, {
            "weights": " ".join(file.name for file in files),
            "weights_sha256": " ".join(digest(file) for file in files),
        }
    raise ExportError(f"expected weights in {folder} ({' or '.join(names)}), got none")
