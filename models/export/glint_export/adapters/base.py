"""What an importer asks of the base package, and what every importer's package has."""

import gzip
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor

from .. import pictures
from ..errors import ExportError
from ..package import Package
from ..parts import Call, ExtensionParts


@dataclass(frozen=True)
class About:
    """What an adapter's package says of itself."""

    name: str
    licence: str
    provenance: dict[str, str]
    classes: Sequence[str] = ()  # of classes.json

    def made_of(self, provenance: dict[str, str]) -> "About":
        return replace(self, provenance=self.provenance | provenance)


class Base:
    """A base package, its towers and its tokenizer; ExportError where it lacks something."""

    def __init__(self, folder: Path):
        self.package = Package(folder)
        if self.package.base is not None:
            raise ExportError(f"expected a base that extends nothing, got {folder}")

    @property
    def embed_dim(self) -> int:
        return self.package.manifest["embed_dim"]

    @property
    def has_text(self) -> bool:
        return "text" in self.package.manifest["towers"]

    def ports(self, tower: str, method: str, side: str) -> dict[str, list[int | str]]:
        """Name to shape of the `side`, inputs or outputs, of a method."""
        towers = self.package.manifest["towers"]
        if tower not in towers:
            raise ExportError(
                f"expected a base with a tower {tower}, got {self.package.folder} without"
            )
        if method not in towers[tower]["methods"]:
            raise ExportError(
                f"expected a base whose {tower} tower has the method {method}, got "
                f"{self.package.folder}; export it again, if its tower is a transformer"
            )
        return {port["name"]: port["shape"] for port in towers[tower]["methods"][method][side]}

    @property
    def text_width(self) -> int:
        return self.ports("text", "embed", "outputs")["embeddings"][2]

    @property
    def context(self) -> int:
        """Ids that a text may have."""
        return self.package.manifest["tokenizer"]["context"]

    def prompt_limits(self, tower: str) -> tuple[int, int]:
        """(layers, width) of the prompts that a transformer takes."""
        depth, _, width = self.ports(tower, "forward_prompted", "inputs")["prompts"]
        return int(str(depth).removeprefix("P<=")), int(width)

    @cached_property
    def text(self) -> torch.jit.ScriptModule:
        return self.package.tower("text")

    @cached_property
    def image(self) -> torch.jit.ScriptModule:
        return self.package.tower("image")

    @cached_property
    def tokenizer(self) -> SimpleTokenizer:
        merges = self.package.manifest["tokenizer"]["files"]["merges"]
        data = self.package.file(merges).read_bytes()
        if data[:2] != b"\x1f\x8b":
            data = gzip.compress(data)
        return SimpleTokenizer(io.BytesIO(data), context_length=self.context)

    def ids(self, text: str) -> list[int]:
        """Start token to end token; none are cut off."""
        tokenizer = self.tokenizer
        return [tokenizer.sot_token_id, *tokenizer.encode(text), tokenizer.eot_token_id]

    @torch.no_grad()
    def rows(self, ids: list[int]) -> Tensor:
        """[L] -> token embeddings [L, width]."""
        return self.text.embed(torch.tensor([ids]))[0]

    @torch.no_grad()
    @torch.jit.optimized_execution(False)  # specialising for each shape costs more than it saves
    def call(self, tower: str, method: str, **inputs: Tensor) -> Call:
        """A call of the base's own tower, to record."""
        got: Any = getattr(self.text if tower == "text" else self.image, method)(*inputs.values())
        values = got if isinstance(got, tuple) else (got,)
        names = self.ports(tower, method, "outputs")
        return Call(tower, method, inputs, dict(zip(names, values, strict=True)))

    def plain_call(self, templates: Sequence[str], name: str = "thing") -> Call:
        """Of the text tower on the first template, or of the image tower where there is no other.

        An adapter of image embeddings has no numbers that a tower computes, so this call only
        says that the base answers as it did when the package was made.
        """
        if self.has_text:
            if not templates:
                raise ExportError("expected at least one template, got none as the templates")
            text = templates[0].replace("{}", name)  # another brace is a sign like any other
            ids = self.ids(text)
            if len(ids) > self.context:
                ids = [*ids[: self.context - 1], ids[-1]]  # as open_clip cuts
            return self.call("text", "forward", ids=torch.tensor([ids]))
        size = self.package.manifest["preprocess"]["default"]["size"]
        return self.call("image", "forward", pixels=pictures.noise(1, *size))


def compact(tensor: Tensor) -> Tensor:
    """f16 where that changes no number, else f32: what training in half precision left is f16."""
    half = tensor.detach().half()
    return half if torch.equal(half.double(), tensor.detach().double()) else tensor.detach().float()


def check_prompt_room(base: Base, count: int, what: str) -> None:
    """A text is start, `count` vectors, at least one id of a name, and end."""
    room = base.context - 3
    if not 1 <= count <= room:
        raise ExportError(
            f"expected 1 to {room} vectors in the {what}, so that names have room in a text of "
            f"{base.context}, got {count}"
        )


def adapter_parts(
    base: Base, about: About, heads: list[dict[str, Any]], calls: list[Call], **others: Any
) -> ExtensionParts:
    """A package whose only task classifies with `heads`."""
    return ExtensionParts(
        name=about.name,
        base=base.package.folder,
        tasks={"classify": {"preprocess": "default", "heads": heads}},
        calls=calls,
        licence=about.licence,
        provenance=dict(about.provenance),
        classes=list(about.classes),
        **others,
    )


def zero_shot(base: Base) -> dict[str, Any]:
    """The head that an adapter of image embeddings stands behind."""
    return {"type": "zero_shot", "templates": "templates.json" if base.has_text else None}
