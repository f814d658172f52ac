"""The reference implementation of a package, and the golden vectors it computes."""

import importlib.metadata
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from open_clip.tokenizer import SimpleTokenizer
from PIL import Image
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional as F

from .errors import ExportError

_PACKAGES = {
    "torch": "torch",
    "torchvision": "torchvision",
    "open_clip": "open_clip_torch",
    "Pillow": "Pillow",
    "ftfy": "ftfy",
    "regex": "regex",
}


@dataclass(frozen=True)
class Reference:
    """Computes what the package must compute, from the weights that the package stores.

    tokenizer and text are None for a package without a text tower, image for one whose image tower
    has no embedding of the whole picture: what it computes is in the recorded calls.
    """

    pixels: Callable[[Image.Image], Tensor]  # a picture -> [3, H, W] f32
    tokenizer: SimpleTokenizer | None  # open_clip's; its context_length is the tower's
    image: Callable[[Tensor], Tensor] | None  # pixels [B, 3, H, W] -> [B, D], not normalised
    text: Callable[[Tensor], Tensor] | None  # ids [B, context], zeros at the end -> [B, D]
    logit_scale: float
    logit_bias: float
    libraries: tuple[str, ...] = ()  # distributions that took part, beside those of every package
    # pixels -> [B] bool: no choice in the tower is so close that rounding could turn it.
    # None: the tower makes no choices.
    steady: Callable[[Tensor], Tensor] | None = None

    def ids(self, text: str) -> list[int]:
        """Start token to end token, without the padding."""
        length = min(len(self.tokenizer.encode(text)) + 2, self.tokenizer.context_length)
        return self.tokenizer(text)[0, :length].tolist()

    def logits(self, image: Tensor, text: Tensor) -> Tensor:
        """[I, D], [T, D] -> [I, T]; open_clip/model.py, CLIP.get_logits."""
        return (
            self.logit_scale * F.normalize(image, dim=-1) @ F.normalize(text, dim=-1).T
            + self.logit_bias
        )


def padded(rows: list[list[int]], length: int) -> Tensor:
    """Rows of ids [B, length], filled with zeros."""
    out = torch.zeros(len(rows), length, dtype=torch.int64)
    for row, ids in zip(out, rows, strict=True):
        row[: len(ids)] = torch.tensor(ids)
    return out


def versions(libraries: tuple[str, ...] = ()) -> dict[str, str]:
    """Of every package's libraries, and of these distributions."""
    packages = _PACKAGES | {name: name for name in libraries}
    return {name: importlib.metadata.version(package) for name, package in packages.items()}


@dataclass(frozen=True)
class Golden:
    """Inputs and what the reference made of them; what each tensor is, models/package.md says."""

    pixels: list[Tensor]
    image_embedding: Tensor | None = None  # none without an embedding of the whole picture
    ids: list[list[int]] = field(default_factory=list)  # none without a text tower
    text_embedding: Tensor | None = None
    logits: Tensor | None = None

    def save(self, path: Path, others: dict[str, Tensor]) -> None:
        """Writes them, and tensors that others computed, as one file."""
        tensors = others | {f"pixels.{i}": x.contiguous() for i, x in enumerate(self.pixels)}
        tensors |= {f"ids.{i}": torch.tensor(x) for i, x in enumerate(self.ids)}
        for name in ("image_embedding", "text_embedding", "logits"):
            if getattr(self, name) is not None:
                tensors[name] = getattr(self, name).contiguous()
        path.write_bytes(save(tensors))


def open_picture(name: str, data: bytes) -> Image.Image:
    try:
        picture = Image.open(io.BytesIO(data))
        picture.load()
    except Exception as error:
        raise ExportError(f"expected a picture that Pillow reads, got {name}: {error}") from error
    return picture


@torch.no_grad()
def compute(reference: Reference, pictures: dict[str, bytes], texts: list[str]) -> Golden:
    """Golden vectors of `pictures` (name to file bytes) and, with a text tower, of `texts`."""
    pixels = [reference.pixels(open_picture(name, data)) for name, data in pictures.items()]
    image = None
    if reference.image is not None:
        image = reference.image(torch.stack(pixels)).float()
    if reference.text is None:
        return Golden(pixels, image)
    ids = [reference.ids(text) for text in texts]
    text = reference.text(padded(ids, reference.tokenizer.context_length)).float()
    logits = None if image is None else reference.logits(image, text)
    return Golden(pixels, image, ids, text, logits)
