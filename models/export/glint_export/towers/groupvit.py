"""GroupViT (Xu et al. 2022, arXiv:2202.11094; NVlabs/GroupViT, models/group_vit.py).

A vision transformer whose tokens are gathered into groups twice.  In each of the first two stages
learned group tokens run through the blocks beside the others; a grouping block then lets every
token choose one group, and the groups are the tokens of the next stage.  Letters: B batch, N tokens
of a stage, S groups, G groups of the last grouping, C width, D embed_dim.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .resnet import BatchNorm
from .text import TextConfig, TextTransformer
from .transformer import Mlp, Transformer


@dataclass(frozen=True)
class GroupVitConfig:
    """Sizes of a GroupViT image tower; image_size (of the stored positions) and patch_size in
    pixels."""

    image_size: int
    patch_size: int
    width: int
    depths: tuple[int, int, int]  # blocks of each stage
    heads: int
    mlp_dim: int
    group_tokens: tuple[int, int]  # of the first two stages
    groups: tuple[int, int]  # that their tokens are gathered into
    token_dims: tuple[int, int, int]  # hidden numbers of both groupings' mixers and of the last one
    channel_dim: int  # hidden numbers of the groupings' last MLP
    projector_dim: int
    embed_dim: int


class Projector(nn.Module):
    """x [..., C] -> [..., D]; a hidden layer with batch normalisation and ReLU
    (models/multi_label_contrastive.py, ProjectMLP)."""

    def __init__(self, width: int, hidden: int, embed_dim: int):
        super().__init__()
        self.hidden = nn.Linear(width, hidden)
        self.norm = BatchNorm(hidden)
        self.out = nn.Linear(hidden, embed_dim)

    def forward(self, x: Tensor) -> Tensor:
        y = self.hidden(x)
        y = self.norm(y.flatten(0, -2)).view(y.shape)
        return self.out(F.relu(y))


class CrossAttention(nn.Module):
    """Queries of one sequence, keys and values of another.

    query [B, S, C], x [B, N, C] -> [B, S, C]
    """

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.head_dim = width // heads
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.proj = nn.Linear(width, width)

    def _heads(self, x: Tensor) -> Tensor:
        return x.view(x.shape[0], x.shape[1], self.heads, self.head_dim).transpose(1, 2)

    def forward(self, query: Tensor, x: Tensor) -> Tensor:
        q = self._heads(self.q_proj(query))
        k, v = self._heads(self.k_proj(x)), self._heads(self.v_proj(x))
        mixed = F.scaled_dot_product_attention(q, k, v)
        return self.proj(mixed.transpose(1, 2).flatten(2))


class CrossBlock(nn.Module):
    """query + attn(query, x), then + mlp(norm2(.)), then norm_post.  [B, S, C] -> [B, S, C]."""

    def __init__(self, width: int, heads: int, mlp_dim: int):
        super().__init__()
        self.attn = CrossAttention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, mlp_dim, False)
        self.norm_post = nn.LayerNorm(width)

    def forward(self, query: Tensor, x: Tensor) -> Tensor:
        query = query + self.attn(query, x)
        return self.norm_post(query + self.mlp(self.norm2(query)))


class Assignment(nn.Module):
    """Each token to the group whose query it fits best; a group's value is the sum of its tokens'
    over their number plus one.

    query [B, S, C], x [B, N, C] -> values [B, S, C], soft assignment [B, S, N], whose sums over S
    are 1
    """

    def __init__(self, width: int):
        super().__init__()
        self.scale = width**-0.5
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.proj = nn.Linear(width, width)

    def forward(self, query: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        scores = self.q_proj(query) @ self.k_proj(x).transpose(1, 2) * self.scale
        soft = scores.softmax(dim=1)
        chosen = soft.max(dim=1, keepdim=True)[1]  # the first of equals, as in the reference
        hard = torch.zeros_like(soft).scatter(1, chosen, 1.0)
        hard = hard / (hard.sum(dim=2, keepdim=True) + 1.0)
        return self.proj(hard @ self.v_proj(x)), soft


class GroupingBlock(nn.Module):
    """x [B, N, C], group tokens [B, T, C] -> groups [B, S, C], soft assignment [B, S, N]."""

    def __init__(self, config: GroupVitConfig, stage: int):
        super().__init__()
        width = config.width
        self.norm_tokens = nn.LayerNorm(width)
        tokens, groups = config.group_tokens[stage], config.groups[stage]
        self.mlp_inter = Mlp(tokens, config.token_dims[stage], False, groups)
        self.norm_post_tokens = nn.LayerNorm(width)
        self.norm_x = nn.LayerNorm(width)
        self.pre_assign_attn = CrossBlock(width, config.heads, config.mlp_dim)
        self.assign = Assignment(width)
        self.norm_new_x = nn.LayerNorm(width)
        self.mlp_channels = Mlp(width, config.channel_dim, False)

    def forward(self, x: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        x = self.norm_x(x)
        query = self.mlp_inter(self.norm_tokens(tokens).transpose(1, 2)).transpose(1, 2)
        query = self.pre_assign_attn(self.norm_post_tokens(query), x)
        values, soft = self.assign(query, x)
        groups = values + query
        return groups + self.mlp_channels(self.norm_new_x(groups)), soft


class TokenMixer(nn.Module):
    """tokens [B, T, C] -> [B, T', C]: what one stage's group tokens hand to the next one's."""

    def __init__(self, width: int, tokens: int, hidden: int, out: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.mlp = Mlp(tokens, hidden, False, out)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.mlp(self.norm(tokens).transpose(1, 2)).transpose(1, 2)


class GroupVit(nn.Module):
    """pixels [B, 3, H, W] f32 of any size from one patch on -> [B, D], un-normalised.

    What is left of a side beyond whole patches is not looked at.
    """

    def __init__(self, config: GroupVitConfig):
        super().__init__()
        width, heads, mlp_dim = config.width, config.heads, config.mlp_dim
        self.grid = config.image_size // config.patch_size
        self.patch = nn.Conv2d(3, width, config.patch_size, stride=config.patch_size)
        self.patch_norm = nn.LayerNorm(width)
        self.positional_embedding = nn.Parameter(torch.zeros(1, self.grid * self.grid, width))
        self.group_token0 = nn.Parameter(torch.zeros(1, config.group_tokens[0], width))
        self.group_token1 = nn.Parameter(torch.zeros(1, config.group_tokens[1], width))
        self.stages = nn.ModuleList(
            Transformer(width, depth, heads, mlp_dim, False) for depth in config.depths
        )
        self.grouping0 = GroupingBlock(config, 0)
        self.grouping1 = GroupingBlock(config, 1)
        first, second = config.group_tokens
        self.mixer = TokenMixer(width, first, config.token_dims[2], second)
        self.norm = nn.LayerNorm(width)
        self.projector = Projector(width, config.projector_dim, config.embed_dim)
        nn.init.trunc_normal_(self.positional_embedding, std=0.02)
        nn.init.trunc_normal_(self.group_token0, std=0.02)

    def positions(self, height: int, width: int) -> Tensor:
        """[1, height * width, C], by torch's bicubic; a bit-exact copy for the stored grid."""
        stored = self.positional_embedding.transpose(1, 2).unflatten(2, [self.grid, self.grid])
        resized = F.interpolate(stored, [height, width], mode="bicubic", align_corners=False)
        return resized.flatten(2).transpose(1, 2)

    def tokens(self, pixels: Tensor) -> Tensor:
        """Patches with their positions, [B, N, C], rows of patches one after another."""
        grid = self.patch(pixels)
        x = self.patch_norm(grid.flatten(2).transpose(1, 2))
        return x + self.positions(grid.shape[2], grid.shape[3])

    def encode(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Groups [B, G, C] behind the last norm, and both soft assignments."""
        x = self.tokens(pixels)
        batch, patches = x.shape[0], x.shape[1]
        x = torch.cat([x, self.group_token0.expand(batch, -1, -1)], dim=1)
        x = self.stages[0](x, False)
        tokens = x[:, patches:]
        groups, first = self.grouping0(x[:, :patches], tokens)
        carried = groups.shape[1]
        tokens = self.group_token1.expand(batch, -1, -1) + self.mixer(tokens)
        x = self.stages[1](torch.cat([groups, tokens], dim=1), False)
        groups, second = self.grouping1(x[:, :carried], x[:, carried:])
        return self.norm(self.stages[2](groups, False)), first, second

    def forward(self, pixels: Tensor) -> Tensor:
        return self.projector(self.encode(pixels)[0].mean(dim=1))

    @torch.jit.export
    def groups(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """-> embedding [B, D], groups [B, G, D], both un-normalised, and the soft assignments of
        patches to the first groups [B, S, N] and of these to the last ones [B, G, S]."""
        groups, first, second = self.encode(pixels)
        return self.projector(groups.mean(dim=1)), self.projector(groups), first, second


class ProjectedTextTransformer(TextTransformer):
    """The causal text transformer with a Projector in the place of its projection."""

    def __init__(self, config: TextConfig, projector_dim: int):
        super().__init__(config)
        del self.text_projection
        self.projector = Projector(config.width, projector_dim, config.embed_dim)

    def pool(self, x: Tensor, eot: Tensor) -> Tensor:
        """x [B, L, width] behind the last block -> [B, D]."""
        batch, _, width = x.shape
        pooled = x.gather(1, eot.view(batch, 1, 1).expand(batch, 1, width)).squeeze(1)
        return self.projector(self.ln_final(pooled))
