"""Backbones of LSeg (lseg.py): maps at 1/4, 1/8, 1/16 and 1/32 of the picture's sides.

Letters: B batch, H W sides of the pixels, C width of the transformer, F channels of the decoder, D
embed_dim.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .conv import Stage
from .resnet import BatchNorm
from .transformer import Block

_LEVELS = (4, 8, 16, 32)  # pixels a side of one cell of each map
_NORM_EPS = 1e-6  # timm's vision transformers
_EXPANSION = 4  # channels out of a residual block / channels inside it


@dataclass(frozen=True)
class LsegVitConfig:
    """Sizes with a vision transformer; image_size (of the stored positions) and patch_size in
    pixels, patch_size a power of 2 from 4 to 32."""

    image_size: int
    patch_size: int
    width: int
    layers: int
    heads: int
    mlp_dim: int
    taps: tuple[int, int, int, int]  # blocks whose outputs become the four maps
    levels: tuple[int, int, int, int]  # channels of these
    features: int  # F
    embed_dim: int


@dataclass(frozen=True)
class LsegResnetConfig:
    """Sizes with a ResNet of bottleneck blocks."""

    width: int  # channels behind the stem, and inside the blocks of the first stage
    layers: tuple[int, int, int, int]  # blocks in each stage
    features: int  # F
    embed_dim: int

    @property
    def levels(self) -> tuple[int, int, int, int]:
        """Channels of the four maps."""
        first = self.width * _EXPANSION
        return first, 2 * first, 4 * first, 8 * first


@dataclass(frozen=True)
class LsegConvConfig:
    """Sizes with the convolutions of conv.py, for pictures of a few dozen pixels a side."""

    stem: int  # channels of the first convolution
    widths: tuple[int, int, int]  # of the maps at 1/2, 1/4 and 1/8
    features: int  # F
    embed_dim: int

    @property
    def levels(self) -> tuple[int, int, int, int]:
        """Channels of the four maps."""
        return self.widths[1], self.widths[2], self.widths[2], self.widths[2]


class Reassemble(nn.Module):
    """Tokens of a block, the class token first, to a map (Ranftl et al., section 3.1, "project").

    x [B, 1 + Y * X, C] -> [B, channels, Y * patch / level, X * patch / level]
    """

    def __init__(self, width: int, channels: int, patch: int, level: int):
        super().__init__()
        self.readout = nn.Linear(2 * width, width)
        self.project = nn.Conv2d(width, channels, 1)
        if patch > level:
            side = patch // level
            self.resize: nn.Module = nn.ConvTranspose2d(channels, channels, side, stride=side)
        elif patch < level:
            self.resize = nn.Conv2d(channels, channels, 3, stride=level // patch, padding=1)
        else:
            self.resize = nn.Identity()

    def forward(self, x: Tensor, rows: int, columns: int) -> Tensor:
        patches = x[:, 1:]
        x = torch.cat([patches, x[:, :1].expand_as(patches)], dim=2)
        x = F.gelu(self.readout(x)).transpose(1, 2)
        return self.resize(self.project(x.reshape(x.shape[0], x.shape[1], rows, columns)))


class VitBackbone(nn.Module):
    """pixels [B, 3, H, W] -> four maps; H and W multiples of 32."""

    def __init__(self, config: LsegVitConfig):
        super().__init__()
        width, patch = config.width, config.patch_size
        self.patch_size = patch
        self.grid = config.image_size // patch
        self.taps = list(config.taps)
        self.patch = nn.Conv2d(3, width, patch, stride=patch)
        self.class_embedding = nn.Parameter(torch.zeros(width))
        self.positional_embedding = nn.Parameter(torch.zeros(self.grid * self.grid + 1, width))
        self.blocks = nn.ModuleList(
            Block(width, config.heads, config.mlp_dim, False, _NORM_EPS)
            for _ in range(config.taps[-1] + 1)  # nothing reads the blocks behind the last tap
        )
        self.reassemble = nn.ModuleList(
            Reassemble(width, channels, patch, level)
            for channels, level in zip(config.levels, _LEVELS, strict=True)
        )
        nn.init.trunc_normal_(self.positional_embedding, std=0.02)

    def positions(self, rows: int, columns: int) -> Tensor:
        """[1 + rows * columns, C]; a bit-exact copy for the stored grid (lseg_vit.py,
        _resize_pos_embed)."""
        stored = self.positional_embedding[1:].T.unflatten(1, [self.grid, self.grid])[None]
        grid = F.interpolate(stored, [rows, columns], mode="bilinear", align_corners=False)
        return torch.cat([self.positional_embedding[:1], grid[0].flatten(1).T])

    def tokens(self, pixels: Tensor) -> list[Tensor]:
        """Outputs of the tapped blocks, each [B, 1 + Y * X, C]."""
        grid = self.patch(pixels)
        x = grid.flatten(2).transpose(1, 2)
        x = torch.cat([self.class_embedding.expand(x.shape[0], 1, -1), x], dim=1)
        x = x + self.positions(grid.shape[2], grid.shape[3])
        out: list[Tensor] = []
        for i, block in enumerate(self.blocks):
            x = block(x, False)
            if i in self.taps:
                out.append(x)
        return out

    def forward(self, pixels: Tensor) -> list[Tensor]:
        rows, columns = pixels.shape[2] // self.patch_size, pixels.shape[3] // self.patch_size
        tokens = self.tokens(pixels)
        maps: list[Tensor] = []
        for i, reassemble in enumerate(self.reassemble):
            maps.append(reassemble(tokens[i], rows, columns))
        return maps


class Bottleneck(nn.Module):
    """x [B, C, H, W] -> [B, 4 * planes, H / stride, W / stride] (He et al. 2016, arXiv:1512.03385;
    the stride is the middle convolution's, as in torchvision)."""

    def __init__(self, channels: int, planes: int, stride: int):
        super().__init__()
        out = planes * _EXPANSION
        self.conv1 = nn.Conv2d(channels, planes, 1, bias=False)
        self.bn1 = BatchNorm(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn2 = BatchNorm(planes)
        self.conv3 = nn.Conv2d(planes, out, 1, bias=False)
        self.bn3 = BatchNorm(out)
        changes = stride > 1 or channels != out
        self.downsample = (
            nn.Sequential(nn.Conv2d(channels, out, 1, stride=stride, bias=False), BatchNorm(out))
            if changes
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class ResnetBackbone(nn.Module):
    """pixels [B, 3, H, W] -> the outputs of the four stages; H and W multiples of 32."""

    def __init__(self, config: LsegResnetConfig):
        super().__init__()
        self.conv1 = nn.Conv2d(3, config.width, 7, stride=2, padding=3, bias=False)
        self.bn1 = BatchNorm(config.width)
        channels, stages = config.width, []
        for i, blocks in enumerate(config.layers):
            planes = config.width << i
            stage = []
            for j in range(blocks):
                stage.append(Bottleneck(channels, planes, 2 if i > 0 and j == 0 else 1))
                channels = planes * _EXPANSION
            stages.append(nn.Sequential(*stage))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages

    def forward(self, pixels: Tensor) -> list[Tensor]:
        x = F.relu(self.bn1(self.conv1(pixels)))
        first = self.layer1(F.max_pool2d(x, 3, 2, 1))
        second = self.layer2(first)
        third = self.layer3(second)
        return [first, second, third, self.layer4(third)]


class ConvBackbone(nn.Module):
    """pixels [B, 3, H, W] -> four maps, the last two the second one's maxima; H and W multiples of
    32."""

    def __init__(self, config: LsegConvConfig):
        super().__init__()
        first, second, third = config.widths
        self.stem = nn.Conv2d(3, config.stem, 2)
        self.stages = nn.Sequential(Stage(config.stem, first), Stage(first, second))
        self.last = nn.Conv2d(second, third, 3, padding=1)

    def forward(self, pixels: Tensor) -> list[Tensor]:
        x = F.gelu(self.stem(F.pad(pixels, [0, 1, 0, 1])))  # whole halves, from sides that are even
        fine = self.stages(x)
        x = F.gelu(F.max_pool2d(self.last(fine), 2))
        coarse = F.max_pool2d(x, 2)
        return [fine, x, coarse, F.max_pool2d(coarse, 2)]


LsegConfig = LsegVitConfig | LsegResnetConfig | LsegConvConfig


def backbone_of(config: LsegConfig) -> nn.Module:
    """pixels [B, 3, H, W] -> list of the four maps."""
    if isinstance(config, LsegVitConfig):
        return VitBackbone(config)
    return ResnetBackbone(config) if isinstance(config, LsegResnetConfig) else ConvBackbone(config)
