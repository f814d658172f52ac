"""Reads a package back: manifest, digests, towers."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from .errors import ExportError
from .script import load_scripted

MANIFEST = "glint.json"
MANIFEST_DIGEST = "glint.json.sha256"


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Package:
    """A package folder whose digests agree."""

    def __init__(self, folder: Path):
        """Reads the manifest and checks every digest; ExportError names the file that differs."""
        self.folder = folder
        try:
            self.manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
            expected = {MANIFEST: (folder / MANIFEST_DIGEST).read_text().strip()}
            expected |= {
                path: value.removeprefix("sha256:")
                for path, value in self.manifest["files"].items()
            }
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

    def tower(self, name: str) -> torch.jit.ScriptModule:
        """A tower in f32."""
        return load_scripted(self.folder / self.manifest["towers"][name]["file"])

    def templates(self, head: int = 0) -> list[str]:
        path = self.manifest["tasks"]["classify"]["heads"][head]["templates"]
        return json.loads((self.folder / path).read_text("utf-8")) if path else ["{}"]
