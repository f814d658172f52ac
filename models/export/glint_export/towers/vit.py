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

    def tokens(self, pixels: Tensor) -> Tensor:
        """Class token and patches with their positions, [B, N, width]."""
        x = self.conv1(pixels).flatten(2).transpose(1, 2)  # [B, G * G, width]
        class_token = self.class_embedding.expand(x.shape[0], 1, -1)
        return torch.cat([class_token, x], dim=1) + self.positional_embedding

    def pool(self, x: Tensor) -> Tensor:
        """x [B, N, width] behind the last block -> [B, D]."""
        return self.ln_post(x[:, 0]) @ self.proj

    def forward(self, pixels: Tensor) -> Tensor:
        return self.pool(self.transformer(self.ln_pre(self.tokens(pixels)), False))

    @torch.jit.export
    def forward_prompted(self, pixels: Tensor, prompts: Tensor) -> Tensor:
        """forward with prompts [P, N, width] for the first P blocks, P <= layers, N >= 1.

        They are the last N tokens: the first ones follow the patches without positions of their
        own, and before block i they become prompts[i].  Khattak et al. 2023 (arXiv:2210.03117),
        clip/model.py of multimodal-prompt-learning.
        """
        plain = self.tokens(pixels)
        shallow = prompts[0].expand(plain.shape[0], -1, -1)
        x = self.ln_pre(torch.cat([plain, shallow], dim=1))
        for i, block in enumerate(self.transformer.resblocks):
            if 0 < i and i < prompts.shape[0]:
                deep = prompts[i].expand(x.shape[0], -1, -1)
                x = torch.cat([x[:, : plain.shape[1]], deep], dim=1)
            x = block(x, False)
        return self.pool(x)
