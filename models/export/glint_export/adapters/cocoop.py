"""CoCoOp (Zhou et al. 2022, arXiv:2203.05557): a context that a small network shifts by the image.

Released: KaiyangZhou/CoOp, trainers/cocoop.py; its folder is prompt_learner.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .. import pictures
from ..checkpoint import StateDict, check_shapes, load_strictly
from ..parts import Block, Call, ExtensionParts, method, port
from . import dassl
from .base import About, Base, adapter_parts, check_prompt_room, compact
from .coop import NETWORKS, context_call, name_texts
from .trained_on import PREFIX, SUFFIX, check_base, check_texts

TENSORS = "tensors/cocoop.safetensors"


class MetaNet(nn.Module):
    """A normalised image embedding [B, D] -> the shift [B, width] of every vector."""

    def __init__(self, embed_dim: int, hidden: int, width: int):
        super().__init__()
        self.linear1 = nn.Linear(embed_dim, hidden)
        self.linear2 = nn.Linear(hidden, width)

    def forward(self, embedding: Tensor) -> Tensor:
        return self.linear2(torch.relu(self.linear1(embedding)))


def _shapes(base: Base, before: str = "") -> dict[str, tuple[int | str, ...]]:
    return {
        f"{before}linear1.weight": ("H", base.embed_dim),
        f"{before}linear1.bias": ("H",),
        f"{before}linear2.weight": (base.text_width, "H"),
        f"{before}linear2.bias": (base.text_width,),
    }


@torch.no_grad()
def _calls(base: Base, context: Tensor, meta_net: StateDict) -> list[Call]:
    """The network written out, on two embeddings, and the text tower on a vector it shifted."""
    w1, b1, w2, b2 = (meta_net[name].float() for name in _shapes(base))
    embedding = F.normalize(pictures.noise(2, 1, base.embed_dim)[:, 0, 0], dim=1)
    shift = (embedding @ w1.T + b1).clamp(min=0) @ w2.T + b2
    return [
        Call("meta_net", "forward", {"embedding": embedding}, {"shift": shift}),
        context_call(base, context[-1].float() + shift[0]),
    ]


def parts_of(base: Base, about: About, context: Tensor, meta_net: StateDict) -> ExtensionParts:
    """A package of a context [M, width] and a network.

    meta_net: linear1.weight [H, D], linear1.bias, linear2.weight [width, H], linear2.bias.
    """
    for name in ("encode_prefix", "forward_suffix"):
        base.ports("text", name, "inputs")
    sizes = check_shapes({"context": context}, {"context": ("M", base.text_width)}, "the prompts")
    check_prompt_room(base, sizes["M"], "context")
    hidden = check_shapes(meta_net, _shapes(base), "the meta-net")["H"]
    network = MetaNet(base.embed_dim, hidden, base.text_width)
    load_strictly(network, meta_net, "the meta-net")
    halves = all(compact(weight).dtype == torch.float16 for weight in meta_net.values())
    ports = {
        "embedding": port("embedding", "f32", "B", base.embed_dim),
        "shift": port("shift", "f32", "B", base.text_width),
    }
    return adapter_parts(
        base,
        about,
        [{"type": "cocoop", "tensors": TENSORS}],
        _calls(base, context, meta_net),
        storage="f16" if halves else "f32",
        blocks={
            "meta_net": Block(
                network.eval(), {"forward": method([ports["embedding"]], ports["shift"])}
            )
        },
        tensors={TENSORS: {"context": compact(context)}},
    )


def read(base: Base, about: About, path: Path) -> ExtensionParts:
    """A package of a Dassl checkpoint; token_prefix and token_suffix are compared and dropped."""
    checkpoint = dassl.read(path, NETWORKS)
    state, where = checkpoint.state, checkpoint.path.name
    shapes = {"ctx": ("M", base.text_width)} | _shapes(base, "meta_net.")
    count = check_shapes(state, shapes, where, (PREFIX, SUFFIX))["M"]
    check_base(base, state, where)
    if about.classes:
        check_texts(base, state, count, name_texts(about.classes), where)
    meta_net = {name: state[f"meta_net.{name}"] for name in _shapes(base)}
    return parts_of(base, about.made_of(checkpoint.provenance), state["ctx"], meta_net)
