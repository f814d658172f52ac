"""How adapters learn: batches, steps, schedule and checkpoints as in Dassl.pytorch.

Two things differ from the released recipes.  Photos of 32 pixels are shifted, zoomed and flipped
(photos.augment) where those of 224 get a random crop, which may be 9 pixels wide here; and where
the image tower is frozen whole, VIEWS such pictures of each photo are encoded once and every step
takes one of them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from bases import Base
from few_shot import Photos
from photos import augment, normalise
from torch import Tensor, nn
from torch.nn import functional as F

VIEWS = 16
_WARM_UP = 1e-5  # learning rate of the first epoch


@dataclass(frozen=True)
class Recipe:
    """Momentum SGD, one constant warm-up epoch, then half a cosine."""

    lr: float
    epochs: int
    batch: int


def rate(recipe: Recipe, epoch: int) -> float:
    """Of an epoch, the first being 0 (dassl/optim/lr_scheduler.py, ConstantWarmupScheduler: the
    cosine begins behind the warm-up and is as long as all epochs, so it does not reach 0)."""
    if epoch == 0:
        return _WARM_UP
    return recipe.lr * 0.5 * (1 + math.cos(math.pi * (epoch - 1) / recipe.epochs))


@torch.no_grad()
def encode(base: Base, pixels: Tensor, batch: int = 250) -> Tensor:
    """Un-normalised embeddings [N, D]."""
    return torch.cat([base.image(x) for x in pixels.split(batch)])


def augmented(photos: Tensor) -> Tensor:
    """Pixels of photos u8; which of them are zoomed is drawn, too."""
    order = torch.randperm(len(photos))
    pixels = torch.empty(photos.shape)
    pixels[order] = augment(normalise(photos[order]))
    return pixels


def source(learner: nn.Module, base: Base, shots: Photos) -> Callable[[Tensor], Tensor]:
    """Rows of the shots -> what the learner takes, another view at each call."""
    if learner.takes_pixels:
        return lambda rows: augmented(shots.photos[rows])
    views = torch.stack([encode(base, augmented(shots.photos)) for _ in range(VIEWS)])
    return lambda rows: views[torch.randint(VIEWS, (len(rows),)), rows]


def fit(
    learner: nn.Module, base: Base, shots: Photos, recipe: Recipe, on_epoch: Callable[[], None]
) -> torch.optim.Optimizer:
    """Cross-entropy of scaled cosines; torch's generator decides the order of the photos."""
    sgd = torch.optim.SGD(learner.parameters(), lr=_WARM_UP, momentum=0.9, weight_decay=5e-4)
    inputs = source(learner, base, shots)
    for epoch in range(recipe.epochs):
        for group in sgd.param_groups:
            group["lr"] = rate(recipe, epoch)
        order = torch.randperm(len(shots.labels)).split(recipe.batch)
        for rows in order[: len(shots.labels) // recipe.batch]:
            loss = F.cross_entropy(base.scale * learner(inputs(rows)), shots.labels[rows])
            sgd.zero_grad()
            loss.backward()
            sgd.step()
        on_epoch()
    return sgd


def save_checkpoint(
    learner: nn.Module, sgd: torch.optim.Optimizer, epochs: int, accuracy: float, out: Path
) -> Path:
    """OUT/FOLDER/model.pth.tar-EPOCHS, as dassl/utils/torchtools.py lays it out."""
    folder = out / learner.folder
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"model.pth.tar-{epochs}"
    content = {
        "state_dict": learner.checkpoint(),
        "epoch": epochs,
        "optimizer": sgd.state_dict(),
        "scheduler": {"last_epoch": epochs},
        "val_result": accuracy,
    }
    new = folder / (file.name + ".new")
    torch.save(content, new)
    new.replace(file)
    (folder / "checkpoint").write_text(file.name + "\n")
    return file


@torch.no_grad()
def accuracy(scores: Callable[[Tensor], Tensor], inputs: Tensor, labels: Tensor) -> float:
    """Share of the inputs whose best score is their label's."""
    parts = zip(inputs.split(250), labels.split(250), strict=True)
    return sum(int((scores(x).argmax(1) == y).sum()) for x, y in parts) / len(labels)
