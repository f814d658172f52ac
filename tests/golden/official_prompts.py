"""The released modules with prompts (CoCoOp, MaPLe, independent prompting, VPT), on CLIPs of any
size; make_prompts.py says where they come from."""

import importlib
import sys
import types
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

import torch
from glint_export.towers import TextConfig, TextTransformer, VisionTransformer, VitConfig
from official import CONTEXT, load, stub_imports
from torch import nn

NAMES = {"cocoop": "CoCoOp", "maple": "MaPLe", "ivlp": "IVLP", "vpt": "VPT"}


@dataclass(frozen=True)
class Case:
    """Prompts to learn: their number and depth in each tower, and the initial words of the text."""

    trainer: str  # of NAMES
    text: tuple[int, int]
    image: tuple[int, int]
    words: str = ""

    def template(self) -> str:
        """The words behind the text's vectors, which stand for the first of the initial ones."""
        return " ".join([*self.words.split()[self.text[0] :], "{}."])


@dataclass(frozen=True)
class Sizes:
    """Of a CLIP with a vision transformer."""

    embed_dim: int
    side: int
    patch: int
    image_width: int
    image_heads: int
    text_width: int
    text_heads: int
    layers: int
    vocabulary: int

    def image_config(self) -> VitConfig:
        return VitConfig(
            self.side, self.patch, self.image_width, self.layers, self.image_heads,
            4 * self.image_width, self.embed_dim, True,
        )  # fmt: skip

    def text_config(self, end: int) -> TextConfig:
        return TextConfig(
            self.vocabulary, CONTEXT, self.text_width, self.layers, self.text_heads,
            4 * self.text_width, self.embed_dim, True, end,
        )  # fmt: skip

    def towers(self, clip: nn.Module, end: int) -> tuple[VisionTransformer, TextTransformer]:
        """Ours, with the weights of a released CLIP; `end`: the end token's id."""
        image, text = VisionTransformer(self.image_config()), TextTransformer(self.text_config(end))
        image.load_state_dict(clip.visual.state_dict())
        state = clip.state_dict()
        text.load_state_dict({name: state[name] for name in text.state_dict()})
        return image.eval(), text.eval()


class Official:
    """The released modules, on CLIPs of any size."""

    def __init__(self, coop: Path, maple: Path, merges: str | None):
        stub_imports()
        torch.Tensor.half = lambda self, *_, **__: self
        nn.Module.half = lambda self: self
        sys.path.insert(0, str(maple))
        self.clip = importlib.import_module("clip.clip")
        self.model = importlib.import_module("clip.model")
        if merges is not None:
            self.clip._tokenizer = self.clip._Tokenizer(merges)
        files = {
            "cocoop": coop / "trainers" / "cocoop.py",
            "maple": maple / "trainers" / "maple.py",
            "ivlp": maple / "trainers" / "independentVL.py",
            "vpt": maple / "trainers" / "vpt.py",
        }
        self.trainers = {name: load(file) for name, file in files.items()}
        for trainer in self.trainers.values():
            trainer._tokenizer = self.clip._tokenizer

    def build(self, sizes: Sizes, trainer: str, text=(0, 0), image=(0, 0)) -> nn.Module:
        """A CLIP with room for prompts, (number, depth) in each tower."""
        design = {
            "trainer": NAMES[trainer],
            "vision_depth": image[1] if trainer != "maple" else 0,
            "vision_ctx": image[0],
            "language_depth": text[1] if trainer != "maple" else 0,
            "language_ctx": text[0],
            "maple_length": text[0],
        }
        model = self.model.CLIP(
            sizes.embed_dim, sizes.side, 1, 64, sizes.patch, CONTEXT, sizes.vocabulary,
            sizes.text_width, sizes.text_heads, sizes.layers, design,
        )  # fmt: skip
        kind = "VisionTransformer_MaPLe" if trainer == "maple" else "VisionTransformer"
        model.visual = getattr(self.model, kind)(
            sizes.side, sizes.patch, sizes.image_width, sizes.layers, sizes.image_heads,
            sizes.embed_dim, design,
        )  # fmt: skip
        return model.eval()

    def cocoop(self, clip, names: list[str], context: torch.Tensor, meta_net: nn.Module):
        cocoop = types.SimpleNamespace(N_CTX=context.shape[0], CTX_INIT="", PREC="fp32")
        model = self.trainers["cocoop"].CustomCLIP(config_of(clip, COCOOP=cocoop), names, clip)
        model.prompt_learner.ctx.data = context
        model.prompt_learner.meta_net = meta_net
        return model.eval()

    def prompted(
        self, sizes: Sizes, plain: nn.Module, case: Case, learned: "Learned", names: list[str]
    ) -> nn.Module:
        """The released CustomCLIP with what the case learned, on the weights of `plain`."""
        clip = self.build(sizes, case.trainer, case.text, case.image)
        clip.load_state_dict(plain.state_dict(), strict=False)
        options = types.SimpleNamespace(
            N_CTX=case.text[0], CTX_INIT=case.words, PROMPT_DEPTH=case.text[1], PREC="fp32",
            N_CTX_TEXT=case.text[0], N_CTX_VISION=case.image[0],
            PROMPT_DEPTH_TEXT=case.text[1], PROMPT_DEPTH_VISION=case.image[1],
        )  # fmt: skip
        cfg = config_of(clip, **{case.trainer.upper(): options})
        model = self.trainers[case.trainer].CustomCLIP(cfg, names, clip)
        place = place_maple if case.trainer == "maple" else place_independent
        place(model, learned)
        return model.eval()


def config_of(clip: nn.Module, **trainer) -> types.SimpleNamespace:
    return types.SimpleNamespace(
        TRAINER=types.SimpleNamespace(**trainer),
        INPUT=types.SimpleNamespace(SIZE=[clip.visual.input_resolution]),
    )


@dataclass
class Learned:
    """What a case learned; a package holds text_prompts and image_prompts."""

    text: torch.Tensor  # [P, N, width]
    image: torch.Tensor  # [Q, M, width]; of MaPLe, made of text
    projections: list[nn.Linear] = field(default_factory=list)

    def tensors(self) -> dict[str, torch.Tensor]:
        both = {"text_prompts": self.text, "image_prompts": self.image}
        return {name: prompts for name, prompts in both.items() if prompts.numel()}


def place_maple(model: nn.Module, learned: Learned) -> None:
    learner = model.prompt_learner
    learner.ctx.data = learned.text[0]
    learner.proj = learned.projections[0]
    learner.compound_prompts_text = nn.ParameterList(list(learned.text[1:]))
    learner.compound_prompt_projections = nn.ModuleList(learned.projections[1:])


def place_independent(model: nn.Module, learned: Learned) -> None:
    if learned.text.numel():
        model.prompt_learner.ctx.data = learned.text[0]
        for i, block in enumerate(model.text_encoder.transformer.resblocks[1 : len(learned.text)]):
            block.VPT_shallow.data = learned.text[i + 1]
    if learned.image.numel():
        model.image_encoder.VPT.data = learned.image[0]
        blocks = model.image_encoder.transformer.resblocks
        for i, block in enumerate(blocks[1 : len(learned.image)]):
            block.VPT_shallow.data = learned.image[i + 1]


def draw_meta_net(sizes: Sizes, hidden: int, generator: torch.Generator) -> nn.Module:
    layers = [
        ("linear1", nn.Linear(sizes.embed_dim, hidden)),
        ("relu", nn.ReLU(inplace=True)),
        ("linear2", nn.Linear(hidden, sizes.text_width)),
    ]
    network = nn.Sequential(OrderedDict(layers)).eval()
    for weight in network.parameters():
        weight.data.normal_(0, 1, generator=generator)
        weight.data = weight.data.to(torch.float16).float()
    return network


def draw_learned(sizes: Sizes, case: Case, generator: torch.Generator) -> Learned:
    (text_count, text_depth), (image_count, image_depth) = case.text, case.image
    text = torch.randn(text_depth, text_count, sizes.text_width, generator=generator)
    image = torch.randn(image_depth, image_count, sizes.image_width, generator=generator)
    learned = Learned(text, image)
    if case.trainer == "maple":
        for _ in range(text_depth):
            layer = nn.Linear(sizes.text_width, sizes.image_width)
            layer.weight.data.normal_(0, sizes.text_width**-0.5, generator=generator)
            layer.bias.data.normal_(0, 0.3, generator=generator)
            learned.projections.append(layer)
        pairs = zip(learned.projections, text, strict=True)
        learned.image = torch.stack([layer(prompt) for layer, prompt in pairs])
    return learned


def text_features(model: nn.Module) -> torch.Tensor:
    """[K, D], not normalised, as the released forward makes them."""
    if not hasattr(model, "prompt_learner"):
        return model.embeddings.return_fixed_embeddings()
    prompts, *rest = learner_output(model)
    return model.text_encoder(prompts, model.tokenized_prompts, *rest[1:2])


def learner_output(model: nn.Module) -> tuple:
    made = model.prompt_learner()
    return made if isinstance(made, tuple) else (made,)


def image_features(model: nn.Module, pixels: torch.Tensor) -> torch.Tensor:
    """[B, D], not normalised."""
    made = learner_output(model) if hasattr(model, "prompt_learner") else ()
    return model.image_encoder(pixels, *((made[1], made[3]) if len(made) == 4 else ()))
