"""The image towers of LSeg (Li et al. 2022, arXiv:2201.03546; isl-org/lang-seg, modules/models).

A backbone (lseg_backbones.py) gives maps at 1/4, 1/8, 1/16 and 1/32 of the picture's sides; the
decoder of DPT (Ranftl et al. 2021, arXiv:2103.13413) joins them from the coarsest to the finest,
and a convolution of one pixel makes embeddings at half of the sides.  Letters: B batch, H W sides of
the pixels, F channels of the decoder, D embed_dim.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from .lseg_backbones import LsegConfig, backbone_of
from .resnet import BatchNorm

SIZE_MULTIPLE = 32  # of H and W: a cell of the coarsest map


class ResidualUnit(nn.Module):
    """x + bn2(conv2(relu(bn1(conv1(relu(x)))))).  [B, F, H, W] -> the same."""

    def __init__(self, features: int):
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1, bias=False)
        self.bn1 = BatchNorm(features)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1, bias=False)
        self.bn2 = BatchNorm(features)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn1(self.conv1(F.relu(x)))
        return self.bn2(self.conv2(F.relu(y))) + x


class Fusion(nn.Module):
    """Twice as fine as x.  [B, F, H, W] -> [B, F, 2 H, 2 W].

    The reference enlarges before its convolution of one pixel; both orders give the same numbers,
    because a pixel's bilinear weights add up to 1, and this one has a quarter of the work.
    """

    def __init__(self, features: int):
        super().__init__()
        self.unit = ResidualUnit(features)
        self.out_conv = nn.Conv2d(features, features, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.out_conv(self.unit(x))
        size = [2 * x.shape[2], 2 * x.shape[3]]
        return F.interpolate(x, size, mode="bilinear", align_corners=True)


class Decoder(nn.Module):
    """Four maps -> embeddings of unit length [B, D, H / 2, W / 2]; numbered as in the reference."""

    def __init__(self, levels: tuple[int, int, int, int], features: int, embed_dim: int):
        super().__init__()
        self.narrow1, self.narrow2, self.narrow3, self.narrow4 = (
            nn.Conv2d(channels, features, 3, padding=1, bias=False) for channels in levels
        )
        # The coarsest map has nothing to be added to, and so no unit of its own.
        self.skip1, self.skip2, self.skip3 = (ResidualUnit(features) for _ in levels[1:])
        self.fusion1, self.fusion2, self.fusion3, self.fusion4 = (Fusion(features) for _ in levels)
        self.head = nn.Conv2d(features, embed_dim, 1)

    def paths(self, maps: list[Tensor]) -> list[Tensor]:
        """What comes out of the four fusions, the finest first."""
        fourth = self.fusion4(self.narrow4(maps[3]))
        third = self.fusion3(fourth + self.skip3(self.narrow3(maps[2])))
        second = self.fusion2(third + self.skip2(self.narrow2(maps[1])))
        first = self.fusion1(second + self.skip1(self.narrow1(maps[0])))
        return [first, second, third, fourth]

    def forward(self, maps: list[Tensor]) -> Tensor:
        return F.normalize(self.head(self.paths(maps)[0]), dim=1)


class LsegImage(nn.Module):
    """pixels [B, 3, H, W] f32 -> map [B, D, H / 2, W / 2] of unit vectors over D.

    H and W are multiples of 32; ValueError for others, which the released code rounds down where it
    can (modules/models/lseg_vit.py, forward_vit).
    """

    def __init__(self, config: LsegConfig):
        super().__init__()
        self.backbone = backbone_of(config)
        self.decoder = Decoder(config.levels, config.features, config.embed_dim)

    def forward(self, pixels: Tensor) -> Tensor:
        height, width = pixels.shape[2], pixels.shape[3]
        if height % 32 != 0 or width % 32 != 0 or height * width == 0:
            raise ValueError(
                f"expected pixels whose sides are multiples of 32 from 32 on, "
                f"got {height} x {width}"
            )
        return self.decoder(self.backbone(pixels))
