"""Reference inputs: pictures drawn by integer arithmetic, texts, and probes for the towers."""

import io
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from .errors import ExportError

# What a tokenizer can get wrong: nothing to say, case and spaces, contractions, digits, accents,
# characters of several bytes, an entity, a text longer than any context.
TEXTS = [
    "a photo of a cat.",
    "",
    "  Two   DOGS, it's   3:45 pm; they'll run 1000 miles!  ",
    "ein Bär läuft über die Straße",
    "日本の猫 🐈",
    "salt &amp; pepper (50% off) #sale @home",
    "the quick brown fox jumps over the lazy dog " * 12,
]


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _scene(width: int, height: int, seed: int) -> Image.Image:
    """Two gradients, a disc, a bar and a patch of fine stripes."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [
        x * 255 // max(width - 1, 1),
        y * 255 // max(height - 1, 1),
        (x * (3 + seed) + y * (5 + seed)) % 256,
    ]
    image = Image.fromarray(np.stack(planes, axis=2).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    side = min(width, height)
    draw.ellipse([side // 8, side // 8, side // 2, side // 2], fill=(250, 40 + 60 * seed, 20))
    draw.rectangle([width // 2, 0, width // 2 + side // 9, height], fill=(10, 90, 200))
    for column in range(0, side // 3, 2):
        draw.line([column, height - side // 4, column, height], fill=(255, 255, 255))
    return image


def drawn(size: int) -> dict[str, bytes]:
    """Three PNG files, name to bytes, for an image tower of `size` pixels a side.

    An RGB landscape and an RGBA square that are made smaller, a grey portrait that is made larger.
    """
    landscape = _scene(size * 3 // 2, size + size // 10, 0)
    portrait = _scene(size * 5 // 8, size * 7 // 8, 1).convert("L")
    square = _scene(size * 5 // 4, size * 5 // 4, 2)
    ramp = Image.fromarray((255 - np.asarray(square)[:, :, 0]).astype(np.uint8))
    square.putalpha(ramp)
    return {"rgb.png": _png(landscape), "grey.png": _png(portrait), "rgba.png": _png(square)}


def noise(batch: int, height: int, width: int) -> Tensor:
    """Pixels [B, 3, H, W] of unit variance, the same ones every time."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch, 3, height, width, generator=generator)


def steady_noise(
    steady: Callable[[Tensor], Tensor] | None, batch: int, height: int, width: int
) -> Tensor:
    """noise() of which `steady`, [B] bool of pixels, holds; None holds of all."""
    if steady is None:
        return noise(batch, height, width)
    generator = torch.Generator().manual_seed(0)
    found: list[Tensor] = []
    for _ in range(40 * batch):
        pixels = torch.randn(1, 3, height, width, generator=generator)
        found += [pixels] if bool(steady(pixels)) else []
        if len(found) == batch:
            return torch.cat(found)
    raise ExportError(
        f"expected choices that do not hang on rounding in {batch} of {40 * batch} noise pictures "
        f"of {height} x {width}, got {len(found)}"
    )


def random_ids(batch: int, context: int, start: int, end: int) -> list[list[int]]:
    """Texts of random ids between start and end token, of lengths from 2 up to `context`."""
    generator = torch.Generator().manual_seed(0)
    rows = []
    for i in range(batch):
        length = max(2, round(2 * (context / 2) ** (i / (batch - 1)))) if batch > 1 else context
        middle = torch.randint(0, start, (length - 2,), generator=generator).tolist()
        rows.append([start, *middle, end])
    return rows
