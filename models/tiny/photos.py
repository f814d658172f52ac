"""CIFAR-10 photos for training: which ones train, their normalisation and augmentation."""

from pathlib import Path

import captions
import numpy as np
import torch
from net import IMAGE_SIZE, MEAN, STD
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

HELD_OUT = 500  # photos a class


def class_files(folder: Path, name: str) -> list[Path]:
    return sorted((folder / name).glob("*.jpg"))


def read_photo(file: Path) -> Tensor:
    """u8 [3, S, S]."""
    return torch.from_numpy(np.array(Image.open(file).convert("RGB"))).permute(2, 0, 1)


def load_photos(folder: Path) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(train u8 [N, 3, S, S], labels [N], held-out photos, held-out labels)."""
    parts = {"train": ([], []), "held": ([], [])}
    for label, name in enumerate(captions.CLASSES):
        files = class_files(folder, name)
        for i, file in enumerate(files):
            part = parts["held" if i >= len(files) - HELD_OUT else "train"]
            part[0].append(read_photo(file))
            part[1].append(label)
    out = []
    for photos, labels in parts.values():
        out += [torch.stack(photos).contiguous(), torch.tensor(labels)]
    return tuple(out)


def normalise(photos: Tensor) -> Tensor:
    mean = torch.tensor(MEAN).view(1, 3, 1, 1)
    std = torch.tensor(STD).view(1, 3, 1, 1)
    return ((photos.float() / 255 - mean) / std).to(memory_format=torch.channels_last)


def augment(x: Tensor) -> Tensor:
    """Flip, shift by up to 3 pixels, zoom by up to 20 % (half of the batch), light and contrast."""
    batch = len(x)
    zoom = torch.ones(batch)
    zoom[: batch // 2] = torch.empty(batch // 2).uniform_(-0.2, 0.2).exp()
    flip = torch.where(torch.rand(batch) < 0.5, -1.0, 1.0)
    shift = torch.randint(-3, 4, (batch, 2)) * (2 / IMAGE_SIZE)
    zeros = torch.zeros(batch)
    theta = torch.stack(
        [
            torch.stack([zoom * flip, zeros, shift[:, 0]], 1),
            torch.stack([zeros, zoom, shift[:, 1]], 1),
        ],
        1,
    )
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    x = F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)
    gain = torch.empty(batch, 1, 1, 1).uniform_(0.85, 1.15)
    offset = torch.empty(batch, 1, 1, 1).uniform_(-0.2, 0.2)
    return (x * gain + offset).to(memory_format=torch.channels_last)
