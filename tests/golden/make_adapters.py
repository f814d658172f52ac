"""Writes packages/adapters.glint and adapters.json: prompt learners and adapters, and what the
released code answers.

    python tests/golden/make_adapters.py COOP CLIP_ADAPTER TIP_ADAPTER

The three folders are checkouts of KaiyangZhou/CoOp (ff61507), gaopengcuhk/CLIP-Adapter (08d07f8)
and gaopengcuhk/Tip-Adapter (d0e2d6f).  Their own classes and functions compute every number of
adapters.json, on a small random CLIP of Tip-Adapter's `clip` package:

  coop*         trainers/coop.py CustomCLIP, its three places of the name, shared and own contexts
  clip_adapter  clip_adapter.py CustomCLIP, its text encoder replaced by the text embeddings, its
                Adapter by one of this width
  tip*          main.py run_tip_adapter on utils.py clip_classifier's weights; its logits are taken
                where it counts what is right

Towers of the true width would be too large to commit, so `shapes` has the two adapters at
ViT-B/16's 512 numbers, on noise that a test can draw itself (`noise` below).
"""

import contextlib
import importlib
import io
import json
import sys
import tempfile
import types
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "models" / "export"))
sys.path.insert(0, str(HERE))

import numpy as np  # noqa: E402
import torch  # noqa: E402
from glint_export import Reference, write_package  # noqa: E402
from glint_export.preprocess import to_manifest  # noqa: E402
from glint_export.towers import (  # noqa: E402
    TextConfig,
    TextTransformer,
    VisionTransformer,
    VitConfig,
)
from glint_export.parts import PackageParts  # noqa: E402
from official import (  # noqa: E402
    CONTEXT,
    PATCH,
    PICTURES,
    SIDE,
    load,
    pictures,
    randomise,
    stub_imports,
    vocabulary,
)
from open_clip.tokenizer import SimpleTokenizer  # noqa: E402
from open_clip.transform import PreprocessCfg, image_transform_v2  # noqa: E402
from PIL import Image  # noqa: E402
from torch.nn import functional as F  # noqa: E402

PACKAGE = HERE / "packages" / "adapters.glint"
ANSWERS = HERE / "adapters.json"
DIM, WIDTH, LAYERS, HEADS = 8, 16, 2, 2
SEED = 5
TEMPLATE = "a {}."
CLASSES = ["cat", "white horse", "crane (bird)", "maillot (tank)", "ship", "traffic light", "café"]
NEW_CLASSES = ["polar_bear", "stop sign (red)", "hen"]
RATIO = 0.2  # of clip_adapter.py
ALPHA, BETA = 1.17, 5.5


def noise(seed: int, *shape: int) -> torch.Tensor:
    """Numbers in [-1, 1) that any language can draw: a hash of their position."""
    with np.errstate(over="ignore"):
        h = np.arange(np.prod(shape), dtype=np.uint32) * np.uint32(2654435761) + np.uint32(seed)
        for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
            h = (h ^ (h >> np.uint32(shift))) * np.uint32(factor)
        h ^= h >> np.uint32(16)
    return torch.from_numpy((h >> np.uint32(8)).astype(np.float32) / 2**23 - 1).reshape(shape)


class Official:
    """The released modules, with what they import beyond torch replaced where it is not run."""

    def __init__(self, coop: Path, clip_adapter: Path, tip_adapter: Path, merges: str):
        stub_imports()
        sys.path.insert(0, str(tip_adapter))
        self.clip = importlib.import_module("clip.clip")
        self.model = importlib.import_module("clip.model")
        self.clip._tokenizer = self.clip._Tokenizer(merges)
        self.tip = importlib.import_module("main")
        self.tip_utils = importlib.import_module("utils")
        self.coop = load(coop / "trainers" / "coop.py")
        self.coop._tokenizer = self.clip._tokenizer
        self.clip_adapter = load(clip_adapter / "clip_adapter.py")

    def small_clip(self, generator: torch.Generator) -> torch.nn.Module:
        vocabulary = len(self.clip._tokenizer.encoder)
        model = self.model.CLIP(DIM, SIDE, 1, 64, PATCH, CONTEXT, vocabulary, WIDTH, HEADS, LAYERS)
        model.visual = self.model.VisionTransformer(SIDE, PATCH, WIDTH, LAYERS, HEADS, DIM)
        return randomise(model, {WIDTH}, generator)

    def coop_model(self, clip, names: list[str], context: torch.Tensor, place: str):
        coop = types.SimpleNamespace(
            N_CTX=context.shape[-2], CTX_INIT="", CSC=context.ndim == 3, CLASS_TOKEN_POSITION=place
        )
        cfg = types.SimpleNamespace(
            TRAINER=types.SimpleNamespace(COOP=coop), INPUT=types.SimpleNamespace(SIZE=[SIDE])
        )
        model = self.coop.CustomCLIP(cfg, names, clip)
        model.prompt_learner.ctx.data = context
        return model

    def adapter(self, down: torch.Tensor, up: torch.Tensor):
        adapter = self.clip_adapter.Adapter(down.shape[1], down.shape[1] // down.shape[0])
        adapter.load_state_dict({"fc.0.weight": down, "fc.2.weight": up})
        return adapter

    def tip_logits(self, keys, classes, features, weights) -> torch.Tensor:
        """features [B, D] and the columns of weights [D, K] have unit length."""
        seen = []
        self.tip.cls_acc = lambda logits, _: seen.append(logits) or 0.0
        self.tip_utils.cls_acc = lambda *_: 0.0  # of the search, which fails if it is left out
        search = {"search_hp": True, "search_scale": [1, 1], "search_step": [1, 1]}
        cfg = {"init_beta": BETA, "init_alpha": ALPHA} | search
        values = F.one_hot(classes, weights.shape[1]).float()
        with contextlib.redirect_stdout(None):
            self.tip.run_tip_adapter(cfg, keys.T, values, features, None, features, None, weights)
        return seen[1]


class World:
    def __init__(self, folders: list[Path]):
        self.merges = vocabulary()
        with tempfile.NamedTemporaryFile(suffix=".gz") as file:
            file.write(self.merges)
            file.flush()
            self.official = Official(*folders, file.name)
            self.tokenizer = SimpleTokenizer(bpe_path=file.name, context_length=CONTEXT)
        generator = torch.Generator().manual_seed(SEED)
        self.clip = self.official.small_clip(generator)
        self.transform = image_transform_v2(PreprocessCfg(size=SIDE), is_train=False)
        self.pixels = torch.stack(
            [self.transform(Image.open(io.BytesIO(data))) for data in pictures().values()]
        )
        self.images = self.clip.encode_image(self.pixels)  # [B, D]
        draw = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731
        count = len(CLASSES)
        self.contexts = {
            "coop_end": (draw(4, WIDTH), "end"),
            "coop_middle": (draw(5, WIDTH), "middle"),
            "coop_front": (draw(5, WIDTH), "front"),
            "coop_one": (draw(1, WIDTH), "middle"),
            "coop_own": (draw(count, 3, WIDTH), "end"),
            "coop_own_middle": (draw(count, 4, WIDTH), "middle"),
        }
        self.down, self.up = draw(DIM // 4, DIM), draw(DIM, DIM // 4)
        # Near the pictures, so that some affinities are close to 1; one class has no shots.
        near = F.normalize(self.images, dim=1).repeat(2, 1) + 0.2 * draw(2 * PICTURES, DIM)
        self.keys = F.normalize(near, dim=1)
        self.trained_keys = self.keys + 0.1 * draw(2 * PICTURES, DIM)
        self.classes = torch.tensor([0, 3, 1, 2, 4, 5, 4, 0, 2, 2, 1, 5, 3, 0, 4, 1])

    def tensors(self) -> dict[str, dict[str, torch.Tensor]]:
        tensors = {name: {"context": context} for name, (context, _) in self.contexts.items()}
        tensors["clip_adapter"] = {"down": self.down, "up": self.up}
        tensors["tip"] = {"keys": self.keys, "classes": self.classes}
        tensors["tip_trained"] = {"keys": self.trained_keys, "classes": self.classes}
        return {f"tensors/{name}.safetensors": one for name, one in tensors.items()}


def tasks(world: World) -> dict:
    def head(kind: str, tensors: str, **parameters) -> dict:
        file = f"tensors/{tensors}.safetensors"
        return {"type": kind, "tensors": file, "parameters": parameters}

    def task(*heads: dict) -> dict:
        return {"preprocess": "default", "heads": list(heads)}

    zero_shot = {"type": "zero_shot", "templates": "templates.json"}
    coop = {
        name: head("coop", name, class_token_position=place)
        for name, (_, place) in world.contexts.items()
    }
    adapter = head("clip_adapter", "clip_adapter", ratio=RATIO)
    tip = head("tip_adapter", "tip", alpha=ALPHA, beta=BETA)
    trained = head("tip_adapter", "tip_trained", alpha=ALPHA, beta=BETA)
    return {name: task(one) for name, one in coop.items()} | {
        "classify": task(zero_shot),
        "clip_adapter": task(zero_shot, adapter),
        "tip": task(zero_shot, tip),
        "tip_trained": task(zero_shot, trained),
        "clip_adapter_tip": task(zero_shot, adapter, tip),
        "coop_tip": task(coop["coop_end"], tip),
    }


def answers(world: World) -> dict:
    """task -> logits [B, K]"""
    official, clip = world.official, world.clip
    unit = F.normalize(world.images, dim=1)
    weights = official.tip_utils.clip_classifier(CLASSES, [TEMPLATE], clip)  # [D, K]
    logits, texts = {}, {}
    for name, (context, place) in world.contexts.items():
        model = official.coop_model(clip, CLASSES, context, place)
        logits[name] = model(world.pixels)
        prompts = model.prompt_learner()
        texts[name] = F.normalize(model.text_encoder(prompts, model.tokenized_prompts), dim=1)
        if context.ndim == 2:
            model = official.coop_model(clip, NEW_CLASSES, context, place)
            logits[f"{name}.new"] = model(world.pixels)
    dataset = types.SimpleNamespace(DATASET=types.SimpleNamespace(NAME="ImageNet"))
    adapted = official.clip_adapter.CustomCLIP(dataset, CLASSES, clip)
    adapted.adapter = official.adapter(world.down, world.up)
    adapted.text_encoder = torch.nn.Identity()
    adapted.text_encoder.forward = lambda: weights.T
    logits["clip_adapter"] = adapted(world.pixels)
    mixed = RATIO * adapted.adapter(world.images) + (1 - RATIO) * world.images
    tip = official.tip_logits
    logits["tip"] = tip(world.keys, world.classes, unit, weights)
    logits["tip_trained"] = tip(world.trained_keys, world.classes, unit, weights)
    logits["clip_adapter_tip"] = tip(
        world.keys, world.classes, F.normalize(mixed, dim=1), weights
    )
    logits["coop_tip"] = tip(world.keys, world.classes, unit, texts["coop_end"].T)
    return {name: one.tolist() for name, one in logits.items()}


def shapes(official: Official) -> dict:
    """ViT-B/16's width: the adapter's f' of one f, and logits of 40 classes with 16 shots each."""
    dim, count, shots, images = 512, 40, 16, 8
    down, up = 0.1 * noise(1, dim // 4, dim), 0.1 * noise(2, dim, dim // 4)
    features = noise(3, images, dim)
    mixed = RATIO * official.adapter(down, up)(features) + (1 - RATIO) * features
    unit = F.normalize(features, dim=1)
    weights = F.normalize(noise(4, count, dim), dim=1).T
    # Each image is near a few keys.
    near = features.repeat(count * shots // images, 1)
    keys = F.normalize(noise(5, count * shots, dim) + near, dim=1)
    classes = torch.arange(count * shots) * 7 % count
    return {
        "adapted": mixed[0].tolist(),
        "tip": official.tip_logits(keys, classes, unit, weights).tolist(),
    }


def towers(world: World) -> tuple[VisionTransformer, TextTransformer]:
    image = VisionTransformer(VitConfig(SIDE, PATCH, WIDTH, LAYERS, HEADS, 4 * WIDTH, DIM, True))
    image.load_state_dict(world.clip.visual.state_dict())
    end, size = world.tokenizer.eot_token_id, world.tokenizer.vocab_size
    text = TextTransformer(
        TextConfig(size, CONTEXT, WIDTH, LAYERS, HEADS, 4 * WIDTH, DIM, True, end)
    )
    state = world.clip.state_dict()
    text.load_state_dict({name: state[name] for name in text.state_dict()})
    return image.eval(), text.eval()


def parts_of(world: World) -> PackageParts:
    image, text = towers(world)
    return PackageParts(
        name="adapters",
        image=image,
        text=text,
        text_width=WIDTH,
        embed_dim=DIM,
        activation="quick_gelu",
        preprocess=to_manifest(PreprocessCfg(size=SIDE)),
        merges=world.merges,
        reference=Reference(
            pixels=world.transform,
            tokenizer=world.tokenizer,
            image=world.clip.encode_image,
            text=world.clip.encode_text,
            logit_scale=100.0,
            logit_bias=0.0,
        ),
        licence="Apache-2.0 (random weights, never trained)",
        provenance={"weights": f"random, seed {SEED}", "exporter": "tests/golden/make_adapters.py"},
        storage="f16",
        templates=[TEMPLATE],
        classes=CLASSES,
        pictures=pictures(),
        texts=["a cat.", "crane (bird)."],
        tasks=tasks(world),
        tensors=world.tensors(),
    )


@torch.no_grad()
def main() -> None:
    if len(sys.argv) != 4:
        sys.exit("expected the folders of CoOp, CLIP-Adapter and Tip-Adapter")
    torch.set_num_threads(1)  # one order of summation, so the same bytes again
    world = World([Path(folder) for folder in sys.argv[1:]])
    write_package(PACKAGE, parts_of(world), force=PACKAGE.exists())
    made = {"new_classes": NEW_CLASSES, "logits": answers(world), "shapes": shapes(world.official)}
    ANSWERS.write_text(json.dumps(made, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
