"""What a package is made of, as an exporter hands it to the writer."""

import itertools
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from . import pictures as pictures_module
from .checkpoint import stored_tensors
from .errors import ExportError
from .package import NAME, Package
from .reference import Reference
from .script import STORAGE

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
    family: str = "clip"
    templates: list[str] = field(default_factory=lambda: list(DEFAULT_TEMPLATES))
    more_templates: dict[str, list[str]] = field(default_factory=dict)  # NAME.json -> templates
    more_preprocesses: dict[str, dict[str, Any]] = field(default_factory=dict)  # beside "default"
    classes: list[str] = field(default_factory=list)  # classes.json, unless empty
    pictures: dict[str, bytes] = field(default_factory=dict)  # file name to bytes; none: drawn
    texts: list[str] = field(default_factory=lambda: list(pictures_module.TEXTS))
    methods: dict[str, Methods] = field(default_factory=dict)  # of image and text, beyond the usual
    blocks: dict[str, Block] = field(default_factory=dict)  # further towers
    tasks: dict[str, Any] | None = None  # as in the manifest; None: zero-shot classification
    tensors: dict[str, dict[str, torch.Tensor]] = field(default_factory=dict)  # path -> tensors
    calls: list[Call] = field(default_factory=list)
    checked: list[Call] = field(default_factory=list)  # repeated when written, and not recorded

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
    more = parts.more_templates.values() if isinstance(parts, PackageParts) else ()
    for template in itertools.chain(parts.templates, *more):
        _require(_is_template(template), 'text with one "{}"', repr(template), "template")
    names = parts.classes
    _require(all(isinstance(n, str) and n.strip() for n in names), "names", "a blank one", "classes")
    twice = next((repr(n) for n in names if names.count(n) > 1), "")
    _require(not twice, "different names", f"{twice} twice", "classes")


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


def check_parts(parts: PackageParts) -> None:
    _check_identity(parts)
    _check_logit(parts.reference.logit_scale, parts.reference.logit_bias)
    # A family's own task says itself whether it has templates.
    has = bool(parts.templates) or parts.tasks is not None
    _require(has, "at least one template", "none", "templates")
    _require(len(parts.pictures) <= 16, "at most 16 pictures", len(parts.pictures), "reference")
    _require(1 <= len(parts.texts) <= 64, "1 to 64 texts", len(parts.texts), "reference")
    _check_weights(parts.towers(), parts.storage)


def check_extension(parts: ExtensionParts, base: Package) -> None:
    _check_identity(parts)
    _require(base.base is None, "a base that extends nothing", base.folder, "base")
    _require(bool(parts.calls), "at least one recorded call", "none", "reference")
    if parts.logit is not None:
        _check_logit(*parts.logit)
    _check_weights({name: block.module for name, block in parts.blocks.items()}, parts.storage)


def check_names(package: Package, parts: ExtensionParts) -> None:
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
