"""The image tower of tiny-groupvit, in its forms for use and for training.

It is a GroupViT but for the patches, which are cells of tiny-clip's first two convolutional stages
in the place of one convolution: from so few pictures a transformer does not learn to see.
"""

import torch
from glint_export.towers import GroupVit, GroupVitConfig
from glint_export.towers.conv import ConvImageEncoder, Stage
from glint_export.towers.groupvit import Assignment
from net import EMBED_DIM, STEM, WIDTHS
from torch import Tensor, nn
from torch.nn import functional as F

SIDE = 64  # pixels of a training scene and of a window
GROUPVIT = GroupVitConfig(
    image_size=SIDE, patch_size=8, width=96, depths=(2, 1, 1), heads=3, mlp_dim=384,
    group_tokens=(16, 8), groups=(16, 8), token_dims=(48, 48, 48), channel_dim=192,
    projector_dim=256, embed_dim=EMBED_DIM,
)  # fmt: skip


class Patches(nn.Module):
    """pixels [B, 3, H, W] -> [B, width, H // 8, W // 8]."""

    def __init__(self, width: int):
        super().__init__()
        self.stem = nn.Conv2d(3, STEM, 2)
        self.stages = nn.Sequential(Stage(STEM, WIDTHS[0]), Stage(WIDTHS[0], WIDTHS[1]))
        self.proj = nn.Conv2d(WIDTHS[1], width, 2, stride=2)

    def cells(self, pixels: Tensor) -> Tensor:
        """[B, 256, H // 4, W // 4]."""
        # One more row and column, so that 2 x 2 pixels without a border make as many cells.
        pixels = F.pad(pixels, [0, 1, 0, 1], mode="replicate")
        return self.stages(F.gelu(self.stem(pixels)))

    def forward(self, pixels: Tensor) -> Tensor:
        return self.proj(self.cells(pixels))


class TinyGroupVit(GroupVit):
    """pixels [B, 3, H, W] f32 of any size from one patch on -> [B, D], un-normalised."""

    def __init__(self):
        super().__init__(GROUPVIT)
        self.patch = Patches(GROUPVIT.width)


class StraightThrough(Assignment):
    """The hard assignment, whose gradient is the soft one's (models/group_vit.py, hard_softmax)."""

    def forward(self, query: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        scores = self.q_proj(query) @ self.k_proj(x).transpose(1, 2) * self.scale
        soft = scores.float().softmax(dim=1)
        hard = torch.zeros_like(soft).scatter(1, soft.argmax(dim=1, keepdim=True), 1.0)
        hard = hard + soft - soft.detach()
        hard = hard / (hard.sum(dim=2, keepdim=True) + 1.0)
        return self.proj(hard @ self.v_proj(x)), soft


class TrainGroupVit(TinyGroupVit):
    """TinyGroupVit that learns on the teacher's convolutions, which stay as they are: it takes what
    patch.cells() makes in the place of pixels."""

    def __init__(self, teacher: ConvImageEncoder):
        super().__init__()
        for grouping in (self.grouping0, self.grouping1):
            grouping.assign.__class__ = StraightThrough
            for linear in (grouping.assign.q_proj, grouping.assign.k_proj):
                linear.weight.data *= 2.0  # so that groups differ from the start
        nn.init.normal_(self.group_token0, std=1.0)
        nn.init.normal_(self.group_token1, std=1.0)
        self.projector.norm = nn.BatchNorm1d(GROUPVIT.projector_dim)
        self.patch.stem.load_state_dict(teacher.stem.state_dict())
        for mine, theirs in zip(self.patch.stages, teacher.stages, strict=False):
            mine.load_state_dict(theirs.state_dict())
        self.patch.stem.requires_grad_(False)
        self.patch.stages.requires_grad_(False)

    def tokens(self, pixels: Tensor) -> Tensor:
        grid = self.patch.proj(pixels)
        x = self.patch_norm(grid.flatten(2).transpose(1, 2))
        return x + self.positions(grid.shape[2], grid.shape[3])

    def learn(self, cells: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """-> embedding [B, D], groups [B, G, D], each patch's shares in them [B, G, N], and the
        patches behind the first stage [B, N, C]."""
        seen: list[Tensor] = []
        hook = self.grouping0.norm_x.register_forward_hook(lambda *args: seen.append(args[2]))
        groups, first, second = self.encode(cells)
        hook.remove()
        with torch.autocast("cpu", enabled=False):
            shares = second.float() @ first.float()
        return self.projector(groups.mean(dim=1)), self.projector(groups), shares, seen[0]

    def tower(self) -> TinyGroupVit:
        made = TinyGroupVit()
        state = self.state_dict()
        made.load_state_dict({name: state[name] for name in made.state_dict()})
        return made.eval()
