"""Tip-Adapter and Tip-Adapter-F by the released formulas (main.py, utils.py of Tip-Adapter)."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

SCALE = 100.0  # of the zero-shot logits: a literal in the reference
# Largest beta and alpha of the search, exclusive, and beta and alpha while the keys are trained: as
# the released configuration for flowers, whose photos are as far from what the towers know.
SEARCH_SCALE = (50.0, 50.0)
SEARCH_STEPS = (200, 20)
START = (1.0, 10.0)
# 160 shots are one batch, so an epoch is a single step: five times the released epochs, and ten
# times the learning rate.
EPOCHS, LR, BATCH = 100, 1e-2, 256


@dataclass
class Cache:
    """keys [N, D], labels of them i64 [N], and how they are asked."""

    keys: Tensor
    labels: Tensor
    beta: float = START[0]
    alpha: float = START[1]

    def logits(self, features: Tensor, classes: Tensor) -> Tensor:
        """features [B, D] and classes [K, D], both of unit rows -> [B, K]."""
        return SCALE * features @ classes.T + self.alpha * self.votes(features, len(classes))

    def votes(self, features: Tensor, count: int) -> Tensor:
        weights = (self.beta * (features @ self.keys.T - 1)).exp()
        return weights @ F.one_hot(self.labels, count).to(weights.dtype)


def stored(keys: Tensor) -> Tensor:
    """The values that a file keeps: half precision, which the reference computes in throughout."""
    return keys.detach().half().float()


def build(views: Tensor, labels: Tensor) -> Cache:
    """views [V, N, D]: un-normalised embeddings of pictures of each photo."""
    return Cache(stored(F.normalize(views.mean(0), dim=1)), labels)


@torch.no_grad()
def search(cache: Cache, features: Tensor, labels: Tensor, classes: Tensor) -> float:
    """Sets the first best beta and alpha of the grid; returns their accuracy."""
    plain, best = SCALE * features @ classes.T, 0.0
    betas, alphas = (
        [0.1 + i * (top - 0.1) / steps for i in range(steps)]
        for top, steps in zip(SEARCH_SCALE, SEARCH_STEPS, strict=True)
    )
    chosen = cache.beta, cache.alpha
    for beta in betas:
        cache.beta = beta
        votes = cache.votes(features, len(classes))
        for alpha in alphas:
            right = ((plain + alpha * votes).argmax(1) == labels).float().mean().item()
            if right > best:
                best, chosen = right, (beta, alpha)
    cache.beta, cache.alpha = chosen
    return best


def fine_tune(
    cache: Cache, views: Tensor, classes: Tensor, validation: tuple[Tensor, Tensor]
) -> Cache:
    """Trains the keys on unit embeddings of the views [V, N, D], a random one at each step.

    The best epoch by the validation photos is kept; the reference chooses by the test photos.
    """
    tuned = Cache(cache.keys.clone().requires_grad_(True), cache.labels)
    views = F.normalize(views, dim=2)
    steps = max(1, len(cache.labels) // BATCH + (len(cache.labels) % BATCH > 0))
    adam = torch.optim.AdamW([tuned.keys], lr=LR, eps=1e-4)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(adam, EPOCHS * steps)
    best, kept = -1.0, cache.keys
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(cache.labels)).split(BATCH):
            features = views[torch.randint(len(views), (len(rows),)), rows]
            loss = F.cross_entropy(tuned.logits(features, classes), cache.labels[rows])
            adam.zero_grad()
            loss.backward()
            adam.step()
            cosine.step()
        with torch.no_grad():
            answers = tuned.logits(validation[0], classes).argmax(1)
        right = (answers == validation[1]).float().mean().item()
        if right > best:
            best, kept = right, stored(tuned.keys)
    return Cache(kept, cache.labels)
