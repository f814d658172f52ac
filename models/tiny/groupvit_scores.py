"""GroupViT's segmentation of one window in plain torch, and how right it is.

As models/groupvit.md says; used to choose a checkpoint and a threshold while training.  The figures
of the page are the program's.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from glint_export.groupvit import SEGMENT_TEMPLATES
from glint_export.towers import GroupVit
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor
from torch.nn import functional as F

TOP = 5
THRESHOLDS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7)


@dataclass(frozen=True)
class Scores:
    """At the threshold where the mean over the classes is highest."""

    threshold: float
    miou: float  # of the classes
    background: float  # its IoU
    right: float  # share of pixels

    def __str__(self) -> str:
        return (
            f"mIoU {self.miou:.4f} background {self.background:.4f} pixels {self.right:.4f} "
            f"threshold {self.threshold}"
        )


@torch.no_grad()
def bank_of(text: Callable[[Tensor], Tensor], labels: Iterable[str]) -> Tensor:
    """Unit rows [K, D]: un-normalised embeddings of the templates, averaged."""
    tokenizer = SimpleTokenizer()
    rows = [text(tokenizer([t.format(name) for t in SEGMENT_TEMPLATES])) for name in labels]
    return F.normalize(torch.stack(rows).mean(dim=1), dim=1)


def matrices(embedding: Tensor, tokens: Tensor, bank: Tensor, scale: float) -> Tensor:
    """How sure each group is of each class, [B, G, K] (evaluation/group_vit_seg.py)."""
    affinity = scale * F.normalize(tokens, dim=2) @ bank.T
    whole = F.normalize(embedding, dim=1) @ bank.T
    best = whole.topk(min(TOP, len(bank)), dim=1).indices
    allowed = torch.zeros_like(whole).scatter(1, best, 1.0)[:, None] > 0
    masked = affinity.masked_fill(~allowed, float("-inf"))
    return masked.softmax(dim=2) * affinity.softmax(dim=2)


def group_maps(first: Tensor, second: Tensor, side: int) -> Tensor:
    """Each pixel's group [B, side, side], of square windows."""
    shares = second @ first  # [B, G, N]
    grid = round(shares.shape[2] ** 0.5)
    shares = shares.unflatten(2, [grid, grid])
    return F.interpolate(shares, (side, side), mode="bilinear", align_corners=False).argmax(dim=1)


def of_counts(counts: Tensor, threshold: float) -> Scores:
    """counts [K + 1, K + 1]: true class, answer."""
    both = counts.sum(0) + counts.sum(1) - counts.diag()
    iou = counts.diag() / both.clamp(min=1)
    right = float(counts.diag().sum() / counts.sum())
    return Scores(threshold, float(iou[:-1].mean()), float(iou[-1]), right)


@torch.no_grad()
def confusion(tower: GroupVit, pixels: Tensor, maps: Tensor, bank: Tensor, scale: float) -> Scores:
    """Of windows, as `tower` takes them, and their maps [B, S, S]; len(bank) is background."""
    classes = len(bank)
    counts = {t: torch.zeros((classes + 1) ** 2) for t in THRESHOLDS}
    for x, truth in zip(pixels.split(64), maps.split(64), strict=True):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            made = tower.groups(x)
        embedding, tokens, first, second = (y.float() for y in made)
        sure, label = matrices(embedding, tokens, bank, scale).max(dim=2)  # [B, G]
        groups = group_maps(first, second, truth.shape[2]).flatten(1)
        for threshold in THRESHOLDS:
            lowest = sure.amax(dim=1, keepdim=True).clamp(max=threshold)
            answer = torch.where(sure < lowest, classes, label).gather(1, groups)
            pairs = truth.long().flatten(1) * (classes + 1) + answer
            counts[threshold] += torch.bincount(pairs.flatten(), minlength=(classes + 1) ** 2)
    made = [of_counts(c.view(classes + 1, -1), t) for t, c in counts.items()]
    return max(made, key=lambda scores: scores.miou + 0.1 * scores.background)
