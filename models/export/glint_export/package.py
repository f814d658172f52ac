"""Reads a package back: manifest, digests, towers."""

import hashlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from .errors import ExportError
from .script import load_scripted

MANIFEST = "glint.json"
MANIFEST_DIGEST = "glint.json.sha256"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")

# What an extending package has from its base alone.
_INHERITED = ("embed_dim", "activation", "tokenizer", "text_pooling", "probability")


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def lent_files(manifest: dict[str, Any]) -> set[str]:
    """The files of a base that belong to all packages that extend it."""
    tokenizer = manifest["tokenizer"]
    merges = {tokenizer["files"]["merges"]} if tokenizer else set()
    return {tower["file"] for tower in manifest["towers"].values()} | merges


class Package:
    """A package folder whose digests agree; with a base, the manifest is that of the whole."""

    def __init__(self, folder: Path, bases: Iterable["Package"] = ()):
        """Reads the manifest and checks every digest; ExportError names the file that differs.

        A base is one of `bases`, or lies beside the folder or in GLINT_PACKAGE_PATH.
        """
        self.folder = folder
        try:
            self.manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
            self.digest = (folder / MANIFEST_DIGEST).read_text().strip()
            expected = {MANIFEST: self.digest}
            expected |= {
                path: value.removeprefix("sha256:")
                for path, value in self.manifest["files"].items()
            }
            extends = self.manifest["extends"] and {**self.manifest["extends"]}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ExportError(f"expected a glint package in {folder}: {error}") from error
        present = {
            p.relative_to(folder).as_posix()
            for p in folder.rglob("*")
            if p.is_symlink() or not p.is_dir()
        }
        wrong = present.symmetric_difference({*expected, MANIFEST_DIGEST})
        if wrong:
            raise ExportError(
                f"expected the files that {MANIFEST} lists in {folder}, "
                f"got differences: {', '.join(sorted(wrong))}"
            )
        for path, value in expected.items():
            if digest(folder / path) != value:
                raise ExportError(f"expected SHA-256 {value} of {path}, got another in {folder}")
        self.base = self._find_base(extends, bases) if extends is not None else None
        self._lent = lent_files(self.base.manifest) if self.base else set()
        if self.base:
            self._merge(self.base.manifest)

    def _find_base(self, extends: dict[str, Any], bases: Iterable["Package"]) -> "Package":
        name, value = str(extends.get("name")), str(extends.get("digest"))
        if not NAME.fullmatch(name):
            raise ExportError(f"expected the name of a base in {self.folder}, got {name!r}")
        base = next((base for base in bases if base.digest == value), None)
        folders = [self.folder.absolute().parent]
        folders += [Path(f) for f in os.environ.get("GLINT_PACKAGE_PATH", "").split(":") if f]
        for folder in folders:
            if base is None and (folder / f"{name}.glint" / MANIFEST).is_file():
                if digest(folder / f"{name}.glint" / MANIFEST) == value:
                    base = Package(folder / f"{name}.glint")
        if base is None:
            raise ExportError(
                f"expected {name}.glint with SHA-256 {value[:12]} for {self.folder}, "
                f"looked in {', '.join(map(str, folders))}"
            )
        if base.base is not None:
            raise ExportError(f"expected a base that extends nothing, got {base.folder}")
        return base

    def _merge(self, base: dict[str, Any]) -> None:
        own = self.manifest
        lent = {path: base["files"][path] for path in self._lent}
        tables = {"files": lent, "towers": base["towers"], "preprocess": base["preprocess"]}
        for key, table in tables.items():
            common = table.keys() & own.get(key, {}).keys()
            if common:
                raise ExportError(
                    f"expected {key} that the base of {self.folder} does not have, "
                    f"got {', '.join(sorted(common))}"
                )
        merged = {key: table | own.get(key, {}) for key, table in tables.items()}
        inherited = {key: base[key] for key in _INHERITED}
        self.manifest = {"logit": base["logit"]} | own | inherited | merged

    def file(self, path: str) -> Path:
        """Where a file of `manifest["files"]` lies."""
        return (self.base.folder if path in self._lent else self.folder) / path

    def tower(self, name: str) -> torch.jit.ScriptModule:
        """A tower in f32."""
        return load_scripted(self.file(self.manifest["towers"][name]["file"]))

    def templates(self, head: int = 0) -> list[str]:
        path = self.manifest["tasks"]["classify"]["heads"][head]["templates"]
        return json.loads(self.file(path).read_text("utf-8")) if path else ["{}"]
