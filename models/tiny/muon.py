"""An optimiser for weight matrices and filter banks."""

import math

import torch
from torch import Tensor


class Muon:
    """Momentum steps made orthogonal (Keller Jordan et al. 2024, "Muon"); each filter bank keeps
    a fixed norm, so only the direction of a weight is learned."""

    def __init__(self, weights: list[Tensor], momentum: float):
        self.weights = weights
        self.momentum = momentum
        self.buffers = [torch.zeros_like(w) for w in weights]

    @staticmethod
    def orthogonal(g: Tensor) -> Tensor:
        x = g.reshape(len(g), -1).bfloat16()
        wide = x if x.shape[0] <= x.shape[1] else x.T
        y = wide / (wide.norm() + 1e-7)
        for _ in range(4):  # quintic Newton-Schulz
            a = y @ y.T
            y = 3.4445 * y + (-4.7750 * a + 2.0315 * a @ a) @ y
        y = y if wide is x else y.T
        return y.float().reshape(g.shape)

    @torch.no_grad()
    def step(self, lr: float) -> None:
        for w, buffer in zip(self.weights, self.buffers, strict=True):
            buffer.mul_(self.momentum).add_(w.grad)
            w.mul_(math.sqrt(len(w)) / w.norm())
            w.add_(self.orthogonal(w.grad + self.momentum * buffer), alpha=-lr)
            w.grad = None
