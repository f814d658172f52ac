"""The pre-norm transformer that every CLIP-family tower is built from.

Parameter names follow openai/CLIP (clip/model.py), so that official state dicts map by name.
Written to be scripted: no device or dtype constant, any batch, any number of tokens.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Attention(nn.Module):
    """Multi-head self-attention with packed q/k/v weights.  x [B, N, width] -> [B, N, width]."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} is not a multiple of heads {heads}")
        self.heads = heads
        self.head_dim = width // heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.normal_(self.in_proj_weight, std=width**-0.5)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each [B, heads, N, head_dim]."""
        batch, tokens, _ = x.shape
        qkv = F.linear(x, self.in_proj_weight, self.in_proj_bias)  # [B, N, 3 * width]
        qkv = qkv.view(batch, tokens, 3, self.heads, self.head_dim).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        return q, k, v

    def merge(self, mixed: Tensor) -> Tensor:
        """mixed [B, heads, N, head_dim] -> [B, N, width]."""
        return self.out_proj(mixed.transpose(1, 2).flatten(2))

    def forward(self, x: Tensor, causal: bool) -> Tensor:
        q, k, v = self.project(x)
        return self.merge(F.scaled_dot_product_attention(q, k, v, is_causal=causal))


class Mlp(nn.Module):
    """width -> mlp_dim -> width or `out`, with GELU or CLIP's QuickGELU x * sigmoid(1.702 x)."""

    def __init__(self, width: int, mlp_dim: int, quick_gelu: bool, out: int | None = None):
        super().__init__()
        self.c_fc = nn.Linear(width, mlp_dim)
        self.c_proj = nn.Linear(mlp_dim, width if out is None else out)
        self.quick_gelu = quick_gelu

    def forward(self, x: Tensor) -> Tensor:
        x = self.c_fc(x)
        x = x * torch.sigmoid(1.702 * x) if self.quick_gelu else F.gelu(x)
        return self.c_proj(x)


class Block(nn.Module):
    """x + attn(ln_1(x)), then x + mlp(ln_2(x))."""

    def __init__(
        self, width: int, heads: int, mlp_dim: int, quick_gelu: bool, norm_eps: float = 1e-5
    ):
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, norm_eps)
        self.attn = Attention(width, heads)
        self.ln_2 = nn.LayerNorm(width, norm_eps)
        self.mlp = Mlp(width, mlp_dim, quick_gelu)

    def forward(self, x: Tensor, causal: bool) -> Tensor:
        x = x + self.attn(self.ln_1(x), causal)
        return x + self.mlp(self.ln_2(x))

    def begin(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """A causal block on the first tokens of a sequence: also their keys and values."""
        q, k, v = self.attn.project(self.ln_1(x))
        x = x + self.attn.merge(F.scaled_dot_product_attention(q, k, v, is_causal=True))
        return x + self.mlp(self.ln_2(x)), k, v

    def resume(self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        """A causal block on the tokens that follow P others, which all rows share.

        x [B, S, width], keys and values [heads, P, head_dim] -> [B, S, width]
        mask [S, P + S] bool: what a token may look at.
        """
        q, k, v = self.attn.project(self.ln_1(x))
        k = torch.cat([keys.expand(k.shape[0], -1, -1, -1), k], dim=2)
        v = torch.cat([values.expand(v.shape[0], -1, -1, -1), v], dim=2)
        x = x + self.attn.merge(F.scaled_dot_product_attention(q, k, v, attn_mask=mask))
        return x + self.mlp(self.ln_2(x))


class Transformer(nn.Module):
    """`layers` blocks in a row.  x [B, N, width] -> [B, N, width]."""

    def __init__(self, width: int, layers: int, heads: int, mlp_dim: int, quick_gelu: bool):
        super().__init__()
        self.resblocks = nn.ModuleList(
            Block(width, heads, mlp_dim, quick_gelu) for _ in range(layers)
        )

    def forward(self, x: Tensor, causal: bool) -> Tensor:
        for block in self.resblocks:
            x = block(x, causal)
        return x
