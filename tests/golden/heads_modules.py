"""The towers of packages/heads.glint: one of each kind that a head may need.

Tiny, with random weights; what matters is the shape of their methods.
"""

from dataclasses import dataclass

import torch
from glint_export.towers import TextConfig, TextTransformer, VisionTransformer, VitConfig
from torch import Tensor, nn
from torch.nn import functional as F

DIM, WIDTH, CONTEXT, SIDE = 8, 16, 24, 16
DEPTH, PROMPTS = 2, 3  # layers that get prompts of their own, prompts a layer


class Dense(nn.Module):
    """A pixel encoder: pixels [B, 3, H, W] -> map [B, D, H / 4, W / 4], unit norm a position."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 12, 4, stride=4)
        self.second = nn.Conv2d(12, DIM, 3, padding=1)

    def forward(self, pixels: Tensor) -> Tensor:
        return F.normalize(self.second(F.gelu(self.first(pixels))), dim=1)


class MetaNet(nn.Module):
    """CoCoOp's: embedding [B, D] -> shift of the context [B, width]."""

    def __init__(self):
        super().__init__()
        self.linear1 = nn.Linear(DIM, 4)
        self.linear2 = nn.Linear(4, WIDTH)

    def forward(self, embedding: Tensor) -> Tensor:
        return self.linear2(F.relu(self.linear1(embedding)))


class Fusion(nn.Module):
    """GLIP's shape: positions of a map look at the words of a caption, and answer with a box each.

    map [1, D, H, W], embeddings [1, L, width] -> token_logits [R, L], boxes [R, 4] with R = H * W;
    a box is (x0, y0, x1, y1) in fractions of the picture.
    """

    def __init__(self):
        super().__init__()
        self.words = nn.Linear(WIDTH, DIM)
        self.query = nn.Linear(DIM, DIM)
        self.box = nn.Linear(DIM, 4)

    def forward(self, map: Tensor, embeddings: Tensor) -> tuple[Tensor, Tensor]:
        places = map.flatten(2).transpose(1, 2)[0]  # [R, D]
        words = self.words(embeddings[0])  # [L, D]
        attention = (self.query(places) @ words.T).softmax(dim=-1)
        fused = places + attention @ words
        corner = torch.sigmoid(self.box(fused))  # x, y, and the rest that width and height take
        x0, y0 = corner[:, 0] * 0.5, corner[:, 1] * 0.5
        boxes = torch.stack([x0, y0, x0 + corner[:, 2] * 0.5, y0 + corner[:, 3] * 0.5], dim=1)
        return fused @ words.T, boxes


@dataclass
class Modules:
    image: VisionTransformer
    text: TextTransformer
    dense: Dense
    meta_net: MetaNet
    fusion: Fusion


def make(vocab_size: int, eot: int, seed: int) -> Modules:
    vit = VitConfig(SIDE, 8, WIDTH, 3, 2, 32, DIM, quick_gelu=True)
    text = TextConfig(vocab_size, CONTEXT, WIDTH, 3, 2, 32, DIM, quick_gelu=True, eot=eot)
    modules = Modules(VisionTransformer(vit), TextTransformer(text), Dense(), MetaNet(), Fusion())
    generator = torch.Generator().manual_seed(seed)
    for module in vars(modules).values():
        for weight in module.parameters():
            # Norms and biases too; near unit variance through every layer.
            spread = 0.3 if weight.ndim < 2 else weight[0].numel() ** -0.5
            mean = 1.0 if weight.ndim == 1 and weight.numel() == WIDTH else 0.0
            weight.data.normal_(mean, spread, generator=generator)
        module.eval()
    return modules
