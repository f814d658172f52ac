"""The vision transformer of CLIP (Radford et al. 2021, arXiv:2103.00020; clip/model.py)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .transformer import Transformer


@dataclass(frozen=True)
class VitConfig:
    """Sizes of a vision transformer; image_size and patch_size in pixels."""

    image_size: int
    patch_size: int
    width: int
    layers: int
    heads: int
    mlp_dim: int
    embed_dim: int
    quick_gelu: bool


class VisionTransformer(nn.Module):
    """pixels [B, 3, S, S] f32 -> [B, D], un-normalised."""

    def __init__(self, config: VitConfig):
        super().__init__()
        grid = config.image_size // config.patch_size
        scale = config.width**-0.5
        self.conv1 = nn.Conv2d(
            3, config.width, config.patch_size, stride=config.patch_size, bias=False
        )
        self.class_embedding = nn.Parameter(scale * torch.randn(config.width))
        self.positional_embedding = nn.Parameter(scale * torch.randn(grid * grid + 1, config.width))
        self.ln_pre = nn.LayerNorm(config.width)
        self.transformer = Transformer(
            config.width, config.layers, config.heads, config.mlp_dim, config.quick_gelu
        )
        self.ln_post = nn.LayerNorm(config.width)
        self.proj = nn.Parameter(scale * torch.randn(config.width, config.embed_dim))

    def forward(self, pixels: Tensor) -> Tensor:
        x = self.conv1(pixels).flatten(2).transpose(1, 2)  # [B, G * G, width]
        class_token = self.class_embedding.expand(x.shape[0], 1, -1)
        x = torch.cat([class_token, x], dim=1) + self.positional_embedding  # [B, N, width]
        x = self.transformer(self.ln_pre(x), False)
        return self.ln_post(x[:, 0]) @ self.proj
