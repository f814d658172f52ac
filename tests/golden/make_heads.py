"""Writes packages/heads.glint, packages/heads-cocoop.glint, which extends it, and heads.json: heads
of every kind, and what they must answer.

    python tests/golden/make_heads.py

The package has an encoder pair that takes prompts, a pixel encoder, a meta-net and a fusion
module (heads_modules.py), and a task for each kind of head that tests/heads/own implements
through the public interface.  The answers in heads.json are computed here, in plain PyTorch and
Pillow, from the definitions in the methods' papers:

  cocoop   Zhou et al. 2022 (arXiv:2203.05557): the context is shifted by the image's meta token
  maple    Khattak et al. 2023 (arXiv:2210.03117): prompts of their own in both towers' layers
  tip      Zhang et al. 2022 (arXiv:2207.09519): zero-shot logits + alpha * exp(-beta (1 - k q)) V
  segment  LSeg, Li et al. 2022 (arXiv:2201.03546): pixel embeddings against labels, two windows
  detect   ViLD, Gu et al. 2022 (arXiv:2104.13921): crops of given boxes against labels
  ground   GLIP, Li et al. 2022 (arXiv:2112.03857): captions of a few labels each, fused with the map
"""

import dataclasses
import gzip
import io
import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "models" / "export"))
sys.path.insert(0, str(HERE))

import heads_modules  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from glint_export import Reference, write_extension, write_package  # noqa: E402
from glint_export.preprocess import to_manifest  # noqa: E402
from glint_export.parts import (  # noqa: E402
    Block,
    Call,
    ExtensionParts,
    PackageParts,
    method,
    port,
)
from heads_modules import CONTEXT, DEPTH, DIM, PROMPTS, SIDE, WIDTH  # noqa: E402
from open_clip.tokenizer import SimpleTokenizer, default_bpe  # noqa: E402
from open_clip.transform import PreprocessCfg, image_transform_v2  # noqa: E402
from PIL import Image  # noqa: E402
from torch.nn import functional as F  # noqa: E402

PACKAGE = HERE / "packages" / "heads.glint"
EXTENSION = HERE / "packages" / "heads-cocoop.glint"
ANSWERS = HERE / "heads.json"
MERGES = 250  # of the published ones
SCALE = 20.0
LABELS = ["cat", "dog", "white horse", "ship"]
BOXES = [[0, 0, 12, 10], [4.4, 2.6, 20, 16], [7, 3, 8, 4]]
CHUNK = 3  # labels a caption
THRESHOLD = 0.55
ALPHA, BETA = 1.5, 3.0
SEED = 11


def pictures() -> dict[str, bytes]:
    """24 x 16 and 20 x 31 pixels of smooth colour."""
    files = {}
    for name, width, height, step in (("wide", 24, 16, 7), ("tall", 20, 31, 11)):
        y, x = np.mgrid[0:height, 0:width]
        planes = [(x * step + 3 * y) % 256, (y * step + x * x) % 256, (x * y * step) % 256]
        buffer = io.BytesIO()
        Image.fromarray(np.stack(planes, axis=2).astype(np.uint8)).save(buffer, "PNG")
        files[f"{name}.png"] = buffer.getvalue()
    return files


def small_vocabulary() -> bytes:
    lines = gzip.open(default_bpe()).read().decode().split("\n")[: MERGES + 1]
    return gzip.compress("\n".join(lines).encode(), mtime=0)


class World:
    """Everything that the reference computations share."""

    def __init__(self):
        self.merges = small_vocabulary()
        with tempfile.NamedTemporaryFile(suffix=".gz") as file:
            file.write(self.merges)
            file.flush()
            self.tokenizer = SimpleTokenizer(bpe_path=file.name, context_length=CONTEXT)
        self.modules = heads_modules.make(
            self.tokenizer.vocab_size, self.tokenizer.eot_token_id, SEED
        )
        # "squash": a picture of the tower's size stays as it is, so windows are not resized.
        self.config = PreprocessCfg(size=SIDE, resize_mode="squash")
        self.transform = image_transform_v2(self.config, is_train=False)
        generator = torch.Generator().manual_seed(SEED + 1)
        draw = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731
        self.cocoop = {"context": draw(4, WIDTH)}
        self.maple = {
            "image_prompts": draw(DEPTH, PROMPTS, WIDTH),
            "text_prompts": draw(DEPTH, PROMPTS, WIDTH),
        }
        self.tip = {
            "keys": F.normalize(draw(9, DIM), dim=1),
            "classes": torch.tensor([0, 0, 1, 1, 1, 2, 3, 3, 3]),
        }

    def ids(self, text: str) -> list[int]:
        return [self.tokenizer.sot_token_id, *self.tokenizer.encode(text), self.tokenizer.eot_token_id]

    def text(self, text: str) -> torch.Tensor:
        return F.normalize(self.modules.text(torch.tensor([self.ids(text)]))[0], dim=0)

    def labels(self) -> torch.Tensor:
        return torch.stack([self.text(f"a {label}.") for label in LABELS])

    def image(self, picture: Image.Image) -> torch.Tensor:
        return self.modules.image(self.transform(picture)[None])[0]

    def with_context(self, label: str, context: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """start, context, "label.", end as embeddings [1, L, width], and where the end is."""
        ids = torch.tensor([self.ids(label + ".")])
        embedded = self.modules.text.embed(ids)
        whole = torch.cat([embedded[:, :1], context[None], embedded[:, 1:]], dim=1)
        return whole, torch.tensor([whole.size(1) - 1])


def cocoop(world: World, picture: Image.Image) -> list[float]:
    unit = F.normalize(world.image(picture), dim=0)
    shift = world.modules.meta_net(unit[None])[0]
    logits = []
    for label in LABELS:
        text = world.modules.text.forward_embedded(
            *world.with_context(label, world.cocoop["context"] + shift)
        )[0]
        logits.append(SCALE * unit @ F.normalize(text, dim=0))
    return torch.stack(logits).tolist()


def maple(world: World, picture: Image.Image) -> list[float]:
    pixels = world.transform(picture)[None]
    unit = F.normalize(
        world.modules.image.forward_prompted(pixels, world.maple["image_prompts"])[0], dim=0
    )
    prompts = world.maple["text_prompts"]
    logits = []
    for label in LABELS:
        embeddings, eot = world.with_context(label, prompts[0])
        text = world.modules.text.forward_prompted(embeddings, eot, prompts)[0]
        logits.append(SCALE * unit @ F.normalize(text, dim=0))
    return torch.stack(logits).tolist()


def tip(world: World, picture: Image.Image) -> list[float]:
    unit = F.normalize(world.image(picture), dim=0)
    affinity = torch.exp(-BETA * (1 - world.tip["keys"] @ unit))
    cache = F.one_hot(world.tip["classes"], len(LABELS)).float().T @ affinity
    return (SCALE * world.labels() @ unit + ALPHA * cache).tolist()


def segment(world: World, picture: Image.Image) -> list[int]:
    """Windows of 16 x 16 at both ends of each axis; where they overlap their logits are averaged."""
    width, height = picture.size
    total, count = torch.zeros(len(LABELS), height, width), torch.zeros(height, width)
    for top in sorted({0, height - SIDE}):
        for left in sorted({0, width - SIDE}):
            window = picture.crop((left, top, left + SIDE, top + SIDE))
            map = world.modules.dense(world.transform(window)[None])[0]  # [D, 4, 4]
            logits = torch.einsum("kd,dhw->khw", world.labels(), map)
            logits = logits.repeat_interleave(4, dim=1).repeat_interleave(4, dim=2)
            total[:, top : top + SIDE, left : left + SIDE] += logits
            count[top : top + SIDE, left : left + SIDE] += 1
    return (total / count).argmax(dim=0).flatten().tolist()


def detect(world: World, picture: Image.Image) -> list[list[float]]:
    """For each box: softmax scores of the labels, from the crop that its rounded sides make."""
    scores = []
    for x0, y0, x1, y1 in BOXES:
        crop = picture.crop((round(x0), round(y0), round(x1), round(y1)))
        unit = F.normalize(world.image(crop), dim=0)
        scores.append((SCALE * world.labels() @ unit).softmax(dim=0).tolist())
    return scores


def captions() -> list[tuple[str, list[int]]]:
    chunks = [list(range(len(LABELS)))[i : i + CHUNK] for i in range(0, len(LABELS), CHUNK)]
    return [(". ".join(LABELS[i] for i in chunk) + ".", chunk) for chunk in chunks]


def ground(world: World, picture: Image.Image) -> list[dict]:
    """A position's score for a label is the mean of sigmoid(token logits) over the label's words."""
    map = world.modules.dense(world.transform(picture)[None])
    width, height = picture.size
    found = []
    for caption, chunk in captions():
        embeddings = world.modules.text.embed(torch.tensor([world.ids(caption)]))
        logits, boxes = world.modules.fusion(map, embeddings)
        at = 1
        for index in chunk:
            words = len(world.tokenizer.encode(LABELS[index]))
            score = logits[:, at : at + words].sigmoid().mean(dim=1)
            at += words + len(world.tokenizer.encode("."))
            for place in range(len(score)):
                if score[place] > THRESHOLD:
                    box = boxes[place] * torch.tensor([width, height, width, height])
                    found.append(
                        {"index": index, "score": float(score[place]), "box": box.tolist()}
                    )
    return sorted(found, key=lambda one: -one["score"])


def tasks() -> dict:
    def task(*heads: dict) -> dict:
        return {"preprocess": "default", "heads": list(heads)}

    zero_shot = {"type": "zero_shot", "templates": "templates.json"}
    return {
        "classify": task(zero_shot),
        "cocoop": task({"type": "test_cocoop", "tensors": "tensors/cocoop.safetensors"}),
        "maple": task({"type": "test_maple", "tensors": "tensors/maple.safetensors"}),
        "tip": task(
            zero_shot,
            {
                "type": "test_tip",
                "tensors": "tensors/tip.safetensors",
                "parameters": {"alpha": ALPHA, "beta": BETA},
            },
        ),
        "segment": task({"type": "test_lseg", "templates": "templates.json"}),
        "detect": task({"type": "test_vild", "templates": "templates.json"}),
        "ground": task(
            {"type": "test_glip", "parameters": {"labels": CHUNK, "threshold": THRESHOLD}}
        ),
    }


def blocks(modules: heads_modules.Modules) -> dict[str, Block]:
    map = port("map", "f32", "B", DIM, "H", "W")
    dense = {"forward": method([port("pixels", "f32", "B", 3, "H4", "W4")], map)}
    meta = {
        "forward": method([port("embedding", "f32", "B", DIM)], port("shift", "f32", "B", WIDTH))
    }
    fusion = {
        "forward": method(
            [port("map", "f32", 1, DIM, "H", "W"), port("embeddings", "f32", 1, "L", WIDTH)],
            port("token_logits", "f32", "R", "L"),
            port("boxes", "f32", "R", 4),
        )
    }
    return {
        "dense": Block(modules.dense, dense),
        "meta_net": Block(modules.meta_net, meta),
        "fusion": Block(modules.fusion, fusion),
    }


def calls(world: World) -> list[Call]:
    """One of each method that is not the usual one, at a batch that no task uses."""
    generator = torch.Generator().manual_seed(SEED + 2)
    draw = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731
    inputs = [
        ("image", "forward_prompted", {"pixels": draw(3, 3, SIDE, SIDE), "prompts": draw(3, 2, WIDTH)}),
        (
            "text",
            "forward_prompted",
            {
                "embeddings": draw(2, 9, WIDTH),
                "eot": torch.tensor([8, 5]),
                "prompts": draw(1, 4, WIDTH),
            },
        ),
        ("dense", "forward", {"pixels": draw(2, 3, 12, 20)}),
        ("meta_net", "forward", {"embedding": draw(5, DIM)}),
        ("fusion", "forward", {"map": draw(1, DIM, 2, 3), "embeddings": draw(1, 7, WIDTH)}),
    ]
    outputs = {"dense": ["map"], "meta_net": ["shift"], "fusion": ["token_logits", "boxes"]}
    made = []
    for tower, name, values in inputs:
        result = getattr(getattr(world.modules, tower), name)(*values.values())
        result = result if isinstance(result, tuple) else (result,)
        names = outputs.get(tower, ["embedding"])
        made.append(Call(tower, name, values, dict(zip(names, result, strict=True))))
    return made


def parts_of(world: World) -> PackageParts:
    return PackageParts(
        name="heads",
        image=world.modules.image,
        text=world.modules.text,
        text_width=WIDTH,
        embed_dim=DIM,
        activation="quick_gelu",
        preprocess=to_manifest(world.config),
        merges=world.merges,
        reference=Reference(
            pixels=world.transform,
            tokenizer=world.tokenizer,
            image=world.modules.image,
            text=world.modules.text,
            logit_scale=SCALE,
            logit_bias=0.0,
        ),
        licence="Apache-2.0 (random weights, never trained)",
        provenance={"weights": f"random, seed {SEED}", "exporter": "tests/golden/make_heads.py"},
        templates=["a {}."],
        pictures=pictures(),
        texts=["a cat.", "white horse"],
        blocks=blocks(world.modules),
        tasks=tasks(),
        tensors={
            f"tensors/{name}.safetensors": getattr(world, name)
            for name in ("cocoop", "maple", "tip")
        },
        calls=calls(world),
    )


def extension_of(world: World) -> ExtensionParts:
    """The task cocoop and the network that it calls, under a name that the base does not have."""
    network = blocks(world.modules)["meta_net"]
    call = next(call for call in calls(world) if call.tower == "meta_net")
    head = {
        "type": "test_cocoop",
        "tensors": "tensors/cocoop.safetensors",
        "parameters": {"network": "cocoop_net"},
    }
    whole = parts_of(world)
    return ExtensionParts(
        name="heads-cocoop",
        base=PACKAGE,
        tasks={"cocoop": {"preprocess": "default", "heads": [head]}},
        calls=[dataclasses.replace(call, tower="cocoop_net")],
        licence=whole.licence,
        provenance=whole.provenance,
        blocks={"cocoop_net": network},
        tensors={"tensors/cocoop.safetensors": world.cocoop},
        classes=LABELS,
    )


@torch.no_grad()
def main() -> None:
    torch.set_num_threads(1)  # one order of summation, so the same bytes again
    world = World()
    write_package(PACKAGE, parts_of(world), force=PACKAGE.exists())
    write_extension(EXTENSION, extension_of(world), force=EXTENSION.exists())
    answers = {"labels": LABELS, "boxes": BOXES, "pictures": []}
    for i, data in enumerate(pictures().values()):
        picture = Image.open(io.BytesIO(data))
        answers["pictures"].append({"file": f"reference/{i}.png", "size": list(picture.size)})
        for make in (cocoop, maple, tip, segment, detect, ground):
            answers["pictures"][-1][make.__name__] = make(world, picture)
    ANSWERS.write_text(json.dumps(answers) + "\n")


if __name__ == "__main__":
    main()
