"""Writes packages of format version 1 (models/package.md), the one writer of every exporter.

A package is built and verified in a temporary folder beside its target and renamed when all of it
is right, so a target is either absent, the old package, or the new one.
"""

import json
import math
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from . import pictures as pictures_module
from .checkpoint import stored_tensors
from .errors import ExportError, progress, reason
from .package import MANIFEST, MANIFEST_DIGEST, NAME, Package, digest
from .reference import Golden, Reference, compute, versions
from .script import STORAGE, save_scripted
from .verify import EMBEDDING_BOUND, LOGIT_BOUND, check_calls, verify

VECTORS = "reference/vectors.safetensors"
DEFAULT_TEMPLATES = ["a photo of a {}."]


Methods = dict[str, dict[str, list[dict[str, Any]]]]  # name -> {"inputs": [port], "outputs": [...]}


def port(name: str, dtype: str, *shape: int | str) -> dict[str, Any]:
    return {"name": name, "dtype": dtype, "shape": list(shape)}


def method(inputs: list[dict[str, Any]], *outputs: dict[str, Any]) -> dict[str, Any]:
    return {"inputs": inputs, "outputs": list(outputs)}


@dataclass
class Block:
    """A learned block that is neither of the two encoders."""

    module: nn.Module
    methods: Methods


@dataclass
class Call:
    """A call of a method whose inputs and outputs go into the package's reference."""

    tower: str
    method: str
    inputs: dict[str, torch.Tensor]  # by port, in the order of the method's parameters
    outputs: dict[str, torch.Tensor]  # by port, as the reference computed them


@dataclass
class PackageParts:
    """What a package is made of.  With storage f16 the towers' weights are f16 values already.

    Without a text tower, text is None, and text_width, merges, templates and texts are not used.
    """

    name: str
    image: nn.Module  # forward(pixels) as models/package.md says
    text: nn.Module | None  # forward(ids), embed(ids), forward_embedded(embeddings, eot)
    text_width: int
    embed_dim: int
    activation: str  # "quick_gelu" or "gelu"
    preprocess: dict[str, Any]  # preprocess.to_manifest()
    merges: bytes  # the published byte-pair vocabulary, plain or gzip
    reference: Reference  # carries tokenizer, logit scale and bias too
    licence: str
    provenance: dict[str, str]
    storage: str = "f32"
    templates: list[str] = field(default_factory=lambda: list(DEFAULT_TEMPLATES))
    pictures: dict[str, bytes] = field(default_factory=dict)  # file name to bytes; none: drawn
    texts: list[str] = field(default_factory=lambda: list(pictures_module.TEXTS))
    methods: dict[str, Methods] = field(default_factory=dict)  # of image and text, beyond the usual
    blocks: dict[str, Block] = field(default_factory=dict)  # further towers
    tasks: dict[str, Any] | None = None  # as in the manifest; None: zero-shot classification
    tensors: dict[str, dict[str, torch.Tensor]] = field(default_factory=dict)  # path -> tensors
    calls: list[Call] = field(default_factory=list)

    def towers(self) -> dict[str, nn.Module]:
        towers = {"image": self.image, "text": self.text}
        towers |= {name: block.module for name, block in self.blocks.items()}
        return {name: tower for name, tower in towers.items() if tower is not None}

    def image_only(self) -> "PackageParts":
        """The same package without text tower and tokenizer."""
        reference = replace(self.reference, tokenizer=None, text=None)
        return replace(self, text=None, reference=reference)


@dataclass
class ExtensionParts:
    """What a package adds to a base: an adapter, learned prompts, a cache."""

    name: str
    base: Path  # a package that extends nothing; its digest is recorded
    tasks: dict[str, Any]  # as in the manifest
    calls: list[Call]  # at least one, of the base's towers or of the blocks
    licence: str
    provenance: dict[str, str]
    storage: str = "f32"  # of the blocks
    blocks: dict[str, Block] = field(default_factory=dict)  # towers that the base does not have
    tensors: dict[str, dict[str, torch.Tensor]] = field(default_factory=dict)  # path -> tensors
    templates: list[str] = field(default_factory=list)  # templates.json, unless empty
    classes: list[str] = field(default_factory=list)  # classes.json, unless empty
    preprocess: dict[str, dict[str, Any]] = field(default_factory=dict)  # beside the base's
    logit: tuple[float, float] | None = None  # scale and bias; None: the base's
    libraries: tuple[str, ...] = ()  # distributions that computed the calls


def _require(condition: bool, expected: str, got: Any, where: str) -> None:
    if not condition:
        raise ExportError(f"expected {expected}, got {got} as the {where}")


def _is_template(text: Any) -> bool:
    return isinstance(text, str) and text.count("{}") == 1


def _check_identity(parts: PackageParts | ExtensionParts) -> None:
    _require(
        NAME.fullmatch(parts.name) is not None,
        "1 to 64 of a-z, 0-9, dot, underscore and dash, letter or digit first",
        repr(parts.name),
        "name",
    )
    _require(parts.storage in STORAGE, "f32 or f16", repr(parts.storage), "storage")
    _require(bool(parts.licence.strip()), "an SPDX expression or a sentence", "nothing", "licence")
    for template in parts.templates:
        _require(_is_template(template), 'text with one "{}"', repr(template), "template")


def _check_logit(scale: float, bias: float) -> None:
    _require(math.isfinite(scale) and scale > 0, "a positive number", scale, "logit scale")
    _require(math.isfinite(bias), "a finite number", bias, "logit bias")


def _check_weights(towers: dict[str, nn.Module], storage: str) -> None:
    for name, tower in towers.items():
        bad = [
            key
            for key, weight in stored_tensors(tower)
            if not torch.isfinite(weight.to(STORAGE[storage])).all()
        ]
        _require(not bad, f"weights that are finite in {storage}", ", ".join(bad), f"{name} tower")


def _check_parts(parts: PackageParts) -> None:
    _check_identity(parts)
    _check_logit(parts.reference.logit_scale, parts.reference.logit_bias)
    _require(bool(parts.templates), "at least one template", "none", "templates")
    _require(len(parts.pictures) <= 16, "at most 16 pictures", len(parts.pictures), "reference")
    _require(1 <= len(parts.texts) <= 64, "1 to 64 texts", len(parts.texts), "reference")
    _check_weights(parts.towers(), parts.storage)


def _methods(parts: PackageParts) -> dict[str, Methods]:
    """Of every tower."""
    height, width = parts.preprocess["size"]
    ids, eot = port("ids", "i64", "B", "L"), port("eot", "i64", "B")
    embeddings = port("embeddings", "f32", "B", "L", parts.text_width)
    embedding = port("embedding", "f32", "B", parts.embed_dim)
    image = {"forward": method([port("pixels", "f32", "B", 3, height, width)], embedding)}
    text = {
        "forward": method([ids], embedding),
        "embed": method([ids], embeddings),
        "forward_embedded": method([embeddings, eot], embedding),
    }
    methods = {"image": image, "text": text}
    methods |= {name: block.methods for name, block in parts.blocks.items()}
    return {name: methods[name] | parts.methods.get(name, {}) for name in parts.towers()}


def _towers(methods: dict[str, Methods], storage: str) -> dict[str, Any]:
    return {
        name: {"file": f"towers/{name}.pt", "dtype": "f32", "storage": storage, "methods": its}
        for name, its in methods.items()
    }


def _tokenizer(parts: PackageParts, merges: str) -> dict[str, Any]:
    tokenizer = parts.reference.tokenizer
    return {
        "kind": "clip_bpe",
        "files": {"merges": merges},
        "context": tokenizer.context_length,
        "overflow": "truncate",  # open_clip/tokenizer.py, SimpleTokenizer.__call__
        "start": tokenizer.sot_token_id,
        "end": tokenizer.eot_token_id,
        "pad": 0,
        "clean": "open_clip",
    }


def _tasks(parts: PackageParts) -> dict[str, Any]:
    """Without a text tower, classification with a class bank."""
    if parts.tasks is not None:
        return parts.tasks
    templates = "templates.json" if parts.text is not None else None
    heads = [{"type": "zero_shot", "templates": templates}]
    return {"classify": {"preprocess": "default", "heads": heads}}


def _reference(calls: list[Call], libraries: tuple[str, ...]) -> dict[str, Any]:
    recorded = [{"tower": call.tower, "method": call.method} for call in calls]
    return {
        "file": VECTORS,
        "tolerance": {"embedding": EMBEDDING_BOUND, "logit": LOGIT_BOUND},
        "versions": versions(libraries),
    } | ({"calls": recorded} if calls else {})


def _manifest(parts: PackageParts, merges: str | None, pictures: list[str]) -> dict[str, Any]:
    """Everything but `files`."""
    has_text = parts.text is not None
    return {
        "format_version": 1,
        "name": parts.name,
        "family": "clip",
        "embed_dim": parts.embed_dim,
        "activation": parts.activation,
        "preprocess": {"default": parts.preprocess},
        "tokenizer": _tokenizer(parts, merges) if has_text else None,
        "towers": _towers(_methods(parts), parts.storage),
        "text_pooling": "eot",
        "logit": {"scale": parts.reference.logit_scale, "bias": parts.reference.logit_bias},
        "probability": "softmax",
        "tasks": _tasks(parts),
        "extends": None,
        "licence": parts.licence,
        "provenance": parts.provenance,
        "reference": {
            "images": pictures,
            "texts": parts.texts if has_text else [],
        }
        | _reference(parts.calls, parts.reference.libraries),
    }


def _extension_manifest(parts: ExtensionParts, base: Package) -> dict[str, Any]:
    """Everything but `files`."""
    methods = {name: block.methods for name, block in parts.blocks.items()}
    manifest = {
        "format_version": 1,
        "name": parts.name,
        "family": base.manifest["family"],
        "extends": {"name": base.manifest["name"], "digest": base.digest},
        "tasks": parts.tasks,
        "licence": parts.licence,
        "provenance": parts.provenance,
        "reference": _reference(parts.calls, parts.libraries),
    }
    if methods:
        manifest["towers"] = _towers(methods, parts.storage)
    if parts.preprocess:
        manifest["preprocess"] = parts.preprocess
    if parts.logit is not None:
        manifest["logit"] = {"scale": parts.logit[0], "bias": parts.logit[1]}
    return manifest


def _json(value: Any) -> bytes:
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


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


def _seal(folder: Path, manifest: dict[str, Any]) -> None:
    """Writes the manifest, with the digests of all that lies in `folder`."""
    written = sorted(p for p in folder.rglob("*") if p.is_file())
    manifest["files"] = {p.relative_to(folder).as_posix(): f"sha256:{digest(p)}" for p in written}
    (folder / MANIFEST).write_bytes(_json(manifest))
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
        (folder / "templates.json").write_bytes(_json(parts.templates))
    progress("computing the golden vectors")
    golden = compute(parts.reference, files, parts.texts)
    golden.save(folder / VECTORS, _recorded(parts.calls))
    _save_tensors(folder, parts.tensors)
    pictures = []
    for i, (name, data) in enumerate(files.items()):
        pictures.append(_reference_name(i, name))
        (folder / pictures[-1]).write_bytes(data)
    _seal(folder, _manifest(parts, merges, pictures))
    return golden


def check_target(out: Path, force: bool) -> None:
    """Refuses a target that cannot be written, before the work starts."""
    if out.suffix != ".glint":
        raise ExportError(f"expected an output folder that ends in .glint, got {out}")
    if not out.parent.is_dir():
        raise ExportError(f"expected an existing folder {out.parent} for the output, got none")
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
    _check_parts(parts)
    with _replacing(out, force) as folder:
        files = parts.pictures or pictures_module.drawn(parts.preprocess["size"][0])
        golden = _fill(folder, parts, files)
        verify(Package(folder), parts.reference, golden, files)
        check_calls(Package(folder), parts.calls)
    progress(f"wrote {out}")


def _check_extension(parts: ExtensionParts, base: Package) -> None:
    _check_identity(parts)
    _require(base.base is None, "a base that extends nothing", base.folder, "base")
    _require(bool(parts.calls), "at least one recorded call", "none", "reference")
    if parts.logit is not None:
        _check_logit(*parts.logit)
    _check_weights({name: block.module for name, block in parts.blocks.items()}, parts.storage)


def _check_names(package: Package, parts: ExtensionParts) -> None:
    """What the tasks and the calls name is there; other keys are left to the reader."""
    files, towers = package.manifest["files"], package.manifest["towers"]
    for name, task in parts.tasks.items():
        _require(
            task.get("preprocess") in package.manifest["preprocess"],
            "a preprocess of the package",
            repr(task.get("preprocess")),
            f"preprocess of task {name}",
        )
        for head in task["heads"]:
            for key in ("templates", "tensors"):
                path = head.get(key)
                where = f"{key} of task {name}"
                _require(path is None or path in files, "a file of the package", path, where)
    for call in parts.calls:
        known = towers.get(call.tower, {}).get("methods", {})
        where = f"call of {call.tower}.{call.method}"
        _require(call.method in known, "a method of the package", call.method, where)


def write_extension(out: Path, parts: ExtensionParts, force: bool = False) -> None:
    """Writes and verifies a package that extends parts.base, as write_package does.

    Its towers, tokenizer and preprocesses stay in the base, which readers find beside it or in
    GLINT_PACKAGE_PATH.
    """
    base = Package(parts.base)
    _check_extension(parts, base)
    with _replacing(out, force) as folder:
        _save_towers(
            folder, {name: block.module for name, block in parts.blocks.items()}, parts.storage
        )
        _save_tensors(folder, {VECTORS: _recorded(parts.calls)} | parts.tensors)
        for name, strings in (("templates", parts.templates), ("classes", parts.classes)):
            if strings:
                (folder / f"{name}.json").write_bytes(_json(strings))
        _seal(folder, _extension_manifest(parts, base))
        package = Package(folder, [base])
        _check_names(package, parts)
        check_calls(package, parts.calls)
    progress(f"wrote {out}")
