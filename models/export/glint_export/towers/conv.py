"""A small convolutional image tower, for pictures of a few dozen pixels a side.

The layout is the one of Keller Jordan, "94% on CIFAR-10 in 3.29 seconds" (arXiv:2404.00498):
a 2x2 convolution, three stages of two 3x3 convolutions that each halve the grid, a maximum over
what is left, a linear projection.  Batch normalisation is folded into the convolutions.
"""

from torch import Tensor, nn
from torch.nn import functional as F


class Stage(nn.Module):
    """x [B, C, H, W] -> [B, out, H/2, W/2]."""

    def __init__(self, channels: int, out: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, padding=1)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.gelu(F.max_pool2d(self.conv1(x), 2))
        return F.gelu(self.conv2(x))


class ConvImageEncoder(nn.Module):
    """pixels [B, 3, S, S] f32 -> [B, D], un-normalised."""

    def __init__(self, stem: int, widths: tuple[int, int, int], embed_dim: int):
        super().__init__()
        self.stem = nn.Conv2d(3, stem, 2)
        self.stages = nn.Sequential(
            Stage(stem, widths[0]), Stage(widths[0], widths[1]), Stage(widths[1], widths[2])
        )
        self.proj = nn.Linear(widths[2], embed_dim, bias=False)

    def forward(self, pixels: Tensor) -> Tensor:
        x = self.stages(F.gelu(self.stem(pixels)))  # [B, widths[2], G, G]
        return self.proj(x.amax(dim=(2, 3)))
