"""Writes packages of format version 1 (models/package.md), the one writer of every exporter.

A package is built and verified in a temporary folder beside its target and renamed when all of it
is right, so a target is either absent, the old package, or the new one.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from . import pictures as pictures_module
from .errors import ExportError, progress, reason
from .manifest import VECTORS, extension_manifest, package_manifest, to_json
from .package import MANIFEST, MANIFEST_DIGEST, Package, digest
from .parts import (
    Call,
    ExtensionParts,
    PackageParts,
    check_extension,
    check_names,
    check_parts,
)
from .reference import Golden, compute
from .script import save_scripted
from .verify import check_calls, verify


def _reference_name(index: int, name: str) -> str:
    suffix = re.sub(r"[^a-z0-9.]", "", PurePosixPath(name).suffix.lower()) or ".img"
    return f"reference/{index}{suffix}"


def _recorded(calls: list[Call]) -> dict[str, torch.Tensor]:
    return {
        f"calls.{i}.{side}.{name}": tensor.contiguous()
        for i, call in enumerate(calls)
        for side, tensors in (("inputs", call.inputs), ("outputs", call.outputs))
        for name, tensor in tensors.items()
    }


def _save_towers(folder: Path, towers: dict[str, nn.Module], storage: str) -> None:
    for name, tower in towers.items():
        (folder / "towers").mkdir(exist_ok=True)
        progress(f"scripting the {name} tower")
        try:
            save_scripted(tower, storage, folder / f"towers/{name}.pt")
        except RuntimeError as error:
            raise ExportError(
                f"expected a {name} tower that TorchScript takes, got: {reason(error)}"
            ) from error


def _save_tensors(folder: Path, files: dict[str, dict[str, torch.Tensor]]) -> None:
    for path, tensors in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(save({k: v.contiguous() for k, v in tensors.items()}))


def _save_strings(
    folder: Path, parts: PackageParts | ExtensionParts, names: tuple[str, ...]
) -> None:
    """NAME.json of the parts' field NAME, unless it is empty."""
    for name in names:
        if strings := getattr(parts, name):
            (folder / f"{name}.json").write_bytes(to_json(strings))
    for path, templates in getattr(parts, "more_templates", {}).items():
        (folder / path).write_bytes(to_json(templates))


def _seal(folder: Path, manifest: dict[str, Any]) -> None:
    """Writes the manifest, with the digests of all that lies in `folder`."""
    written = sorted(p for p in folder.rglob("*") if p.is_file())
    manifest["files"] = {p.relative_to(folder).as_posix(): f"sha256:{digest(p)}" for p in written}
    (folder / MANIFEST).write_bytes(to_json(manifest))
    (folder / MANIFEST_DIGEST).write_text(digest(folder / MANIFEST) + "\n")


def _fill(folder: Path, parts: PackageParts, files: dict[str, bytes]) -> Golden:
    """Writes every file of the package into `folder`."""
    (folder / "reference").mkdir()
    _save_towers(folder, parts.towers(), parts.storage)
    merges = None
    if parts.text is not None:
        merges = "tokenizer/bpe.txt" + (".gz" if parts.merges[:2] == b"\x1f\x8b" else "")
        (folder / "tokenizer").mkdir()
        (folder / merges).write_bytes(parts.merges)
    _save_strings(folder, parts, ("classes",) if parts.text is None else ("classes", "templates"))
    progress("computing the golden vectors")
    golden = compute(parts.reference, files, parts.texts)
    golden.save(folder / VECTORS, _recorded(parts.calls))
    _save_tensors(folder, parts.tensors)
    pictures = []
    for i, (name, data) in enumerate(files.items()):
        pictures.append(_reference_name(i, name))
        (folder / pictures[-1]).write_bytes(data)
    _seal(folder, package_manifest(parts, merges, pictures))
    return golden


def check_target(out: Path, force: bool) -> None:
    """Refuses a target that cannot be written, before the work starts."""
    if out.suffix != ".glint":
        raise ExportError(f"expected an output folder that ends in .glint, got {out}")
    if not out.parent.is_dir():
        raise ExportError(f"expected an existing folder {out.parent} for the output, got none")
    above = out.parent.resolve()
    if any((folder / MANIFEST).is_file() for folder in (above, *above.parents)):
        raise ExportError(f"expected an output outside of other packages, got {out}")
    if not (out.exists() or out.is_symlink()):
        return
    if not force:
        raise ExportError(f"expected no {out} yet, got an existing one; --force replaces it")
    if out.is_symlink() or not (out / MANIFEST).is_file():
        raise ExportError(f"expected a package to replace, got something else at {out}")


@contextmanager
def _replacing(out: Path, force: bool) -> Iterator[Path]:
    """A new folder that takes the place of `out` when the block ends well, and goes when not."""
    check_target(out, force)
    scratch = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    new, old = scratch / "new", scratch / "old"
    try:
        new.mkdir()
        yield new
        check_target(out, force)
        try:
            if out.exists():
                os.rename(out, old)
            os.rename(new, out)
        except BaseException:  # an interrupt between the two must not cost the old package
            if old.exists() and not out.exists():
                os.rename(old, out)
            raise
    finally:
        shutil.rmtree(scratch)


def write_package(out: Path, parts: PackageParts, force: bool = False) -> None:
    """Writes and verifies a package; ExportError, and nothing written, when anything is wrong."""
    check_parts(parts)
    with _replacing(out, force) as folder:
        files = parts.pictures or pictures_module.drawn(parts.preprocess["size"][0])
        golden = _fill(folder, parts, files)
        verify(Package(folder), parts.reference, golden, files)
        check_calls(Package(folder), parts.calls + parts.checked)
    progress(f"wrote {out}")


def write_extension(out: Path, parts: ExtensionParts, force: bool = False) -> None:
    """Writes and verifies a package that extends parts.base, as write_package does.

    Its towers, tokenizer and preprocesses stay in the base, which readers find beside it or in
    GLINT_PACKAGE_PATH.
    """
    base = Package(parts.base)
    check_extension(parts, base)
    if out.resolve() == base.folder.resolve():
        raise ExportError(f"expected another place than that of the base, got {out}")
    with _replacing(out, force) as folder:
        _save_towers(
            folder, {name: block.module for name, block in parts.blocks.items()}, parts.storage
        )
        _save_tensors(folder, {VECTORS: _recorded(parts.calls)} | parts.tensors)
        _save_strings(folder, parts, ("templates", "classes"))
        _seal(folder, extension_manifest(parts, base))
        package = Package(folder, [base])
        check_names(package, parts)
        check_calls(package, parts.calls)
    progress(f"wrote {out}")
