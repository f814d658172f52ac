"""The image tower of tiny-groupvit, in its forms for use and for training."""

import torch
from glint_export.towers import GroupVit, GroupVitConfig
from glint_export.towers.groupvit import Assignment
from net import EMBED_DIM
from torch import Tensor, nn
from torch.nn import functional as F
from vit import VIT

SIDE = 64  # pixels of a training scene and of a window
GROUPVIT = GroupVitConfig(
    image_size=SIDE, patch_size=4, width=VIT.width, depths=(4, 2, 1), heads=VIT.heads,
    mlp_dim=VIT.mlp_dim, group_tokens=(16, 8), groups=(16, 8), token_dims=(48, 48, 48),
    channel_dim=384, projector_dim=256, embed_dim=EMBED_DIM,
)  # fmt: skip


class StraightThrough(Assignment):
    """The hard assignment, whose gradient is the soft one's (models/group_vit.py, hard_softmax)."""

    def forward(self, query: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        scores = self.q_proj(query) @ self.k_proj(x).transpose(1, 2) * self.scale
        soft = scores.float().softmax(dim=1)
        hard = torch.zeros_like(soft).scatter(1, soft.argmax(dim=1, keepdim=True), 1.0)
        hard = hard + soft - soft.detach()
        hard = hard / (hard.sum(dim=2, keepdim=True) + 1.0)
        return self.proj(hard @ self.v_proj(x)), soft


class Norm(nn.BatchNorm1d):
    """towers.resnet.BatchNorm that learns, of rows [N, C]."""


class TrainGroupVit(GroupVit):
    """GroupVit that learns; its state dict, `counts` left out, is the tower's."""

    def __init__(self):
        super().__init__(GROUPVIT)
        for grouping in (self.grouping0, self.grouping1):
            grouping.assign.__class__ = StraightThrough
        self.projector.norm = Norm(GROUPVIT.projector_dim)

    def start_from(self, vit: nn.Module) -> None:
        """The patches, positions and first blocks of tiny-vit's tower."""
        state = vit.state_dict()
        self.patch.weight.data.copy_(state["conv1.weight"])
        self.patch.bias.data.zero_()
        side = round((len(state["positional_embedding"]) - 1) ** 0.5)
        positions = state["positional_embedding"][1:].T.reshape(1, -1, side, side)
        positions = F.interpolate(positions, [self.grid, self.grid], mode="bicubic")
        self.positional_embedding.data.copy_(positions.flatten(2).transpose(1, 2))
        self.stages[0].load_state_dict(
            {
                name.removeprefix("transformer."): tensor
                for name, tensor in state.items()
                if name.startswith("transformer.")
            }
        )

    def learn(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """-> embedding [B, D], groups [B, G, D], each patch's share in them [B, G, N], and the
        patches behind the first stage [B, N, C]."""
        seen: list[Tensor] = []
        hook = self.grouping0.norm_x.register_forward_hook(lambda *args: seen.append(args[2]))
        groups, first, second = self.encode(pixels)
        hook.remove()
        with torch.autocast("cpu", enabled=False):
            shares = second.float() @ first.float()
        return self.projector(groups.mean(dim=1)), self.projector(groups), shares, seen[0]

    def tower(self) -> GroupVit:
        made = GroupVit(GROUPVIT)
        state = self.state_dict()
        made.load_state_dict({name: state[name] for name in made.state_dict()})
        return made.eval()
