"""What CoOp, CoCoOp, MaPLe and CLIP-Adapter learn, on frozen towers.

Each is a module whose state dict has the released code's names (trainers/coop.py and cocoop.py of
KaiyangZhou/CoOp, trainers/maple.py of multimodal-prompt-learning, clip_adapter.py of CLIP-Adapter),
and whose forward maps inputs to cosines with the classes in `names`, which may be replaced.  Inputs
are un-normalised image embeddings [B, D], for MaPLe pixels.
"""

from collections import OrderedDict

import torch
from bases import Base
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor, nn
from torch.nn import functional as F

TEMPLATE = "a photo of a {}."


class Names:
    """Class names behind words that learned rows replace: ids [K, L], their rows, the end's place.

    The mask is causal, so nothing is padded beyond the longest name.
    """

    def __init__(self, base: Base, labels: list[str], words: str):
        ids = SimpleTokenizer()([f"{words} {label.replace('_', ' ')}." for label in labels])
        self.eot = ids.argmax(1)
        self.ids = ids[:, : int(self.eot.max()) + 1]
        self.rows = base.text.embed(self.ids)

    def carried(self, count: int) -> dict[str, Tensor]:
        """What the released code saves beside `count` learned rows, and drops when it loads."""
        return {"token_prefix": self.rows[:, :1], "token_suffix": self.rows[:, 1 + count :]}

    def behind(self, context: Tensor) -> Tensor:
        """context [M, W] or [B, M, W] in place of the words: [K, L, W] or [B * K, L, W]."""
        shared = context.reshape(-1, 1, *context.shape[-2:])  # [B, 1, M, W]
        batch, classes = len(shared), len(self.rows)
        rows = self.rows.expand(batch, -1, -1, -1)
        shared = shared.expand(-1, classes, -1, -1)
        first = 1 + context.shape[-2]
        return torch.cat([rows[:, :, :1], shared, rows[:, :, first:]], dim=2).flatten(0, 1)


def fillers(count: int) -> str:
    return " ".join(["X"] * count)


def word_rows(base: Base, words: str, count: int) -> Tensor:
    """The rows [count, W] of the first ids of `words`."""
    return base.text.embed(SimpleTokenizer()([words]))[0, 1 : 1 + count].clone()


class CoopLearner(nn.Module):
    """One context [M, W] for all classes, the name at the end; random at first."""

    folder = "prompt_learner"
    takes_pixels = False

    def __init__(self, base: Base, labels: list[str], count: int):
        super().__init__()
        self.base, self.count = (base,), count  # a tuple, so that its towers are no part of this
        self.rename(labels)
        width = self.names.rows.shape[2]
        self.ctx = nn.Parameter(nn.init.normal_(torch.empty(count, width), std=0.02))

    def rename(self, labels: list[str]) -> None:
        self.names = Names(self.base[0], labels, fillers(self.count))

    def checkpoint(self) -> dict[str, Tensor]:
        return self.state_dict() | self.names.carried(self.count)

    def classes(self) -> Tensor:
        prompts = self.names.behind(self.ctx)
        return F.normalize(self.base[0].text.forward_embedded(prompts, self.names.eot), dim=1)

    def forward(self, features: Tensor) -> Tensor:
        return F.normalize(features, dim=1) @ self.classes().T


class CocoopLearner(nn.Module):
    """A context that starts as "a photo of a", and a shift of it for each image."""

    folder = "prompt_learner"
    takes_pixels = False
    words = TEMPLATE.removesuffix(" {}.")

    def __init__(self, base: Base, labels: list[str]):
        super().__init__()
        self.base = (base,)
        self.rename(labels)
        embed_dim, width = base.package.manifest["embed_dim"], self.names.rows.shape[2]
        self.ctx = nn.Parameter(word_rows(base, self.words, len(self.words.split())))
        self.meta_net = nn.Sequential(
            OrderedDict(
                linear1=nn.Linear(embed_dim, embed_dim // 16),
                relu=nn.ReLU(),
                linear2=nn.Linear(embed_dim // 16, width),
            )
        )

    def rename(self, labels: list[str]) -> None:
        self.names = Names(self.base[0], labels, self.words)

    def checkpoint(self) -> dict[str, Tensor]:
        return self.state_dict() | self.names.carried(len(self.ctx))

    def forward(self, features: Tensor) -> Tensor:
        features = F.normalize(features, dim=1)
        context = self.ctx + self.meta_net(features)[:, None]  # [B, M, W]
        prompts = self.names.behind(context)
        text = self.base[0].text.forward_embedded(prompts, self.names.eot.repeat(len(features)))
        classes = F.normalize(text, dim=1).view(len(features), -1, features.shape[1])
        return (classes @ features[:, :, None]).squeeze(2)


class MapleLearner(nn.Module):
    """Text prompts [N, W] for the first `depth` blocks, and projections of them for the image's."""

    folder = "MultiModalPromptLearner"
    takes_pixels = True
    words = CocoopLearner.words

    def __init__(self, base: Base, labels: list[str], count: int, depth: int):
        super().__init__()
        self.base, self.count = (base,), count
        self.rename(labels)
        width, vision = self.names.rows.shape[2], base.image.positional_embedding.shape[1]
        self.ctx = nn.Parameter(word_rows(base, self.words, count))
        self.proj = nn.Linear(width, vision)
        deep = range(depth - 1)
        self.compound_prompts_text = nn.ParameterList(
            nn.Parameter(nn.init.normal_(torch.empty(count, width), std=0.02)) for _ in deep
        )
        first = nn.Linear(width, vision)
        self.compound_prompt_projections = nn.ModuleList(nn.Linear(width, vision) for _ in deep)
        for layer in self.compound_prompt_projections:  # equal at first, as in the reference
            layer.load_state_dict(first.state_dict())

    def rename(self, labels: list[str]) -> None:
        self.names = Names(self.base[0], labels, self.words)

    def text_prompts(self) -> Tensor:
        """[depth, N, W]."""
        return torch.stack([self.ctx, *self.compound_prompts_text])

    def image_prompts(self) -> Tensor:
        """[depth, N, V]."""
        projections = zip(
            self.compound_prompt_projections, self.compound_prompts_text, strict=True
        )
        return torch.stack([self.proj(self.ctx), *(layer(x) for layer, x in projections)])

    def checkpoint(self) -> dict[str, Tensor]:
        """The whole model, as the reference saves it: frozen towers, too."""
        base = self.base[0]
        parts = {
            "prompt_learner.": self.state_dict() | self.names.carried(self.count),
            "image_encoder.": base.image.state_dict(),
            "text_encoder.": base.text.state_dict(),
        }
        state = {before + name: x for before, its in parts.items() for name, x in its.items()}
        del state["text_encoder.token_embedding.weight"]  # the reference's encoder has none
        return state | {"logit_scale": torch.tensor(base.scale).log()}

    def classes(self) -> Tensor:
        names = self.names
        text = self.base[0].text.forward_prompted(names.rows, names.eot, self.text_prompts())
        return F.normalize(text, dim=1)

    def forward(self, pixels: Tensor) -> Tensor:
        image = self.base[0].image.forward_prompted(pixels, self.image_prompts())
        return F.normalize(image, dim=1) @ self.classes().T


class ClipAdapterLearner(nn.Module):
    """Two layers on the image embedding, mixed into it; classes of the base's own template."""

    folder = "clip_adapter"
    takes_pixels = False

    def __init__(self, base: Base, labels: list[str], ratio: float):
        super().__init__()
        self.base, self.ratio = (base,), ratio
        self.rename(labels)
        embed_dim = base.package.manifest["embed_dim"]
        self.fc = nn.Sequential(
            nn.Linear(embed_dim, embed_dim // 4, bias=False),
            nn.ReLU(),
            nn.Linear(embed_dim // 4, embed_dim, bias=False),
            nn.ReLU(),
        )

    def rename(self, labels: list[str]) -> None:
        self.names = zero_shot_classes(self.base[0], labels)

    def checkpoint(self) -> dict[str, Tensor]:
        return self.state_dict()

    def forward(self, features: Tensor) -> Tensor:
        mixed = self.ratio * self.fc(features) + (1 - self.ratio) * features
        return F.normalize(mixed, dim=1) @ self.names.T


@torch.no_grad()
def zero_shot_classes(base: Base, labels: list[str]) -> Tensor:
    """[K, D] unit rows of the base's one template."""
    ids = SimpleTokenizer()([TEMPLATE.format(label.replace("_", " ")) for label in labels])
    return F.normalize(base.text(ids), dim=1)
