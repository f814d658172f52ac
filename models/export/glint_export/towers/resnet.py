"""CLIP's modified ResNet (Radford et al. 2021, arXiv:2103.00020, section 2.4; clip/model.py).

It differs from the ResNet of He et al. in three ways: the stem is three 3x3 convolutions and an
average pool; a block that halves the grid does so by an average pool before a convolution of
stride 1, so nothing is sampled without a low pass; and the grid is pooled by attention, with the
mean of the grid as the one query.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_EXPANSION = 4  # channels out of a block / channels inside it
_STRIDE = 32  # pixels a side of one cell of the last grid


@dataclass(frozen=True)
class ResnetConfig:
    """Sizes of a modified ResNet; image_size in pixels, a multiple of 32."""

    image_size: int
    width: int  # channels after the stem
    layers: tuple[int, int, int, int]  # blocks in each stage
    heads: int  # of the attention pool
    embed_dim: int


class BatchNorm(nn.Module):
    """Batch normalisation at inference: the stored statistics, which nothing can update."""

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias)


def _conv(channels: int, out: int, side: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, out, side, stride=stride, padding=side // 2, bias=False)


class Bottleneck(nn.Module):
    """x [B, C, H, W] -> [B, 4 * planes, H / stride, W / stride]."""

    def __init__(self, channels: int, planes: int, stride: int):
        super().__init__()
        out = planes * _EXPANSION
        self.stride = stride
        self.conv1 = _conv(channels, planes, 1)
        self.bn1 = BatchNorm(planes)
        self.conv2 = _conv(planes, planes, 3)
        self.bn2 = BatchNorm(planes)
        self.conv3 = _conv(planes, out, 1)
        self.bn3 = BatchNorm(out)
        changes = stride > 1 or channels != out
        self.downsample = (
            nn.Sequential(_conv(channels, out, 1), BatchNorm(out)) if changes else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        if self.stride > 1:
            x = F.avg_pool2d(x, self.stride)
            y = F.avg_pool2d(y, self.stride)
        return F.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class AttentionPool2d(nn.Module):
    """x [B, C, G, G] -> [B, D]: attention of the grid's mean to itself and to every cell."""

    def __init__(self, grid: int, channels: int, heads: int, embed_dim: int):
        super().__init__()
        if channels % heads:
            raise ValueError(f"channels {channels} is not a multiple of heads {heads}")
        self.heads = heads
        self.head_dim = channels // heads
        scale = channels**-0.5
        self.positional_embedding = nn.Parameter(scale * torch.randn(grid * grid + 1, channels))
        self.q_proj = nn.Linear(channels, channels)
        self.k_proj = nn.Linear(channels, channels)
        self.v_proj = nn.Linear(channels, channels)
        self.c_proj = nn.Linear(channels, embed_dim)

    def _heads(self, x: Tensor) -> Tensor:
        """[B, N, C] -> [B, heads, N, head_dim]."""
        return x.view(x.shape[0], x.shape[1], self.heads, self.head_dim).transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(2).transpose(1, 2)  # [B, G * G, C]
        x = torch.cat([x.mean(dim=1, keepdim=True), x], dim=1) + self.positional_embedding
        # The reference computes every query and keeps the first.
        q = self._heads(self.q_proj(x[:, :1]))
        k, v = self._heads(self.k_proj(x)), self._heads(self.v_proj(x))
        mixed = F.scaled_dot_product_attention(q, k, v)  # [B, heads, 1, head_dim]
        return self.c_proj(mixed.flatten(1))


class ModifiedResNet(nn.Module):
    """pixels [B, 3, S, S] f32 -> [B, D], un-normalised."""

    def __init__(self, config: ResnetConfig):
        super().__init__()
        width = config.width
        if config.image_size % _STRIDE:
            raise ValueError(f"image size {config.image_size} is not a multiple of {_STRIDE}")
        self.conv1 = _conv(3, width // 2, 3, stride=2)
        self.bn1 = BatchNorm(width // 2)
        self.conv2 = _conv(width // 2, width // 2, 3)
        self.bn2 = BatchNorm(width // 2)
        self.conv3 = _conv(width // 2, width, 3)
        self.bn3 = BatchNorm(width)
        channels, stages = width, []
        for i, blocks in enumerate(config.layers):
            planes = width << i
            stage = []
            for j in range(blocks):
                stage.append(Bottleneck(channels, planes, 2 if i > 0 and j == 0 else 1))
                channels = planes * _EXPANSION
            stages.append(nn.Sequential(*stage))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.attnpool = AttentionPool2d(
            config.image_size // _STRIDE, channels, config.heads, config.embed_dim
        )

    def forward(self, pixels: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(pixels)))  # [B, width / 2, S / 2, S / 2]
        x = F.relu(self.bn2(self.conv2(x)))
        x = F.avg_pool2d(F.relu(self.bn3(self.conv3(x))), 2)  # [B, width, S / 4, S / 4]
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))  # [B, 32 * width, S / 32, S / 32]
        return self.attnpool(x)
