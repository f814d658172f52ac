"""The reference implementation of a package, and the golden vectors it computes."""

import importlib.metadata
import io
from collections.abc import Callable
from dataclasses import dataclass
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
    """Computes what the package must compute, from the weights that the package stores."""

    pixels: Callable[[Image.Image], Tensor]  # a picture -> [3, H, W] f32
    tokenizer: SimpleTokenizer  # open_clip's; its context_length is the tower's
    image: Callable[[Tensor], Tensor]  # pixels [B, 3, H, W] -> [B, D], not normalised
    text: Callable[[Tensor], Tensor]  # ids [B, context], padded with 0 -> [B, D], not normalised
    logit_scale: float
    logit_bias: float

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


def versions() -> dict[str, str]:
    return {name: importlib.metadata.version(package) for name, package in _PACKAGES.items()}


@dataclass(frozen=True)
class Golden:
    """Inputs and what the reference made of them; what each tensor is, models/package.md says."""

    pixels: list[Tensor]
    ids: list[list[int]]
    image_embedding: Tensor
    text_embedding: Tensor
    logits: Tensor

    def save(self, path: Path) -> None:
        tensors = {f"pixels.{i}": x.contiguous() for i, x in enumerate(self.pixels)}
        tensors |= {f"ids.{i}": torch.tensor(x) for i, x in enumerate(self.ids)}
        tensors["image_embedding"] = self.image_embedding.contiguous()
        tensors["text_embedding"] = self.text_embedding.contiguous()
        tensors["logits"] = self.logits.contiguous()
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
    """Golden vectors of `pictures` (name to file bytes) and `texts`."""
    pixels = [reference.pixels(open_picture(name, data)) for name, data in pictures.items()]
    ids = [reference.ids(text) for text in texts]
    image = reference.image(torch.stack(pixels)).float()
    text = reference.text(padded(ids, reference.tokenizer.context_length)).float()
    return Golden(pixels, ids, image, text, reference.logits(image, text))
