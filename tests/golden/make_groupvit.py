"""Writes groupvit/ (a checkpoint and two pictures), packages/groupvit.glint and groupvit.json: what
the released code of GroupViT saves, computes and answers.

    python tests/golden/make_groupvit.py GROUPVIT MMSEG

GROUPVIT is a checkout of NVlabs/GroupViT (13b7861), MMSEG the folder `mmseg` of an unpacked wheel
of mmsegmentation 0.18.0; einops, timm, omegaconf and opencv-python-headless are installed beside
the exporter's packages (official_groupvit.py says what is stood in for).  A small model with random
weights, all of them f16 numbers, is saved as utils/checkpoint.py does.  Its answers:

  stages    img_encoder, img_projector and text_projector at two sizes and batches
  classes   zero_shot_pred with the templates of classification
  cases     segmentation/evaluation/group_vit_seg.py below mmsegmentation's sliding windows
            (mmseg/models/segmentors/encoder_decoder.py) or whole: for each window the picture's
            groups, the affinity before and after the mask of the best classes, and the label map

Pictures are resized with cv2 and normalised as mmcv's imrescale and imnormalize do.  Seeds are such
that no choice hangs on rounding.
"""

import io
import itertools
import json
import lzma
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "models" / "export")]

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from glint_export import groupvit, groupvit_checkpoint, pictures, write_package  # noqa: E402
from glint_export.groupvit import Background  # noqa: E402
from official import vocabulary  # noqa: E402
from official_groupvit import Config, Official, randomise  # noqa: E402
from omegaconf import OmegaConf  # noqa: E402
from open_clip.tokenizer import SimpleTokenizer  # noqa: E402
from PIL import Image  # noqa: E402
from torch import Tensor  # noqa: E402
from torch.nn import functional as F  # noqa: E402

FOLDER = HERE / "groupvit"
CHECKPOINT = FOLDER / "checkpoint.pth.xz"
PACKAGE = HERE / "packages" / "groupvit.glint"
ANSWERS = HERE / "groupvit.json"
SIDE, PATCH, WIDTH, HEADS, DIM, PROJECTOR = 32, 4, 32, 2, 24, 48
TEXT_WIDTH, CONTEXT = 64, 77
IMAGE = {
    "img_size": SIDE,
    "patch_size": PATCH,
    "embed_dim": WIDTH,
    "depths": [1, 1, 1],
    "num_heads": [HEADS] * 3,
    "num_group_tokens": [12, 5, 0],
    "num_output_groups": [12, 5],
}
TEMPLATES = ["a photo of a {}.", "there is the {}"]
LABELS = ["background", "cat", "dog", "white horse", "ship", "tree", "car", "old house"]
# Smaller than the window's usual 2 * SIDE, so that windows overlap in both directions.
SEGMENT = {"short_side": 64, "long_side": 200, "crop_size": 48, "stride": 24}
THRESHOLD = 0.3
MEAN, STD = (np.array(x, np.float32) for x in ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]))
SEED = 282  # the first to be tried; the first fit one from 5 on
STEADY = 2e-4  # of the scores (natural logarithms) of a token's best two groups


class Unfit(Exception):
    """Another seed is needed."""


@dataclass
class Case:
    picture: str
    labels: list[str]
    protocol: str  # "official": windows; "single": the whole picture


CASES = {
    "wide, background": Case("wide.png", LABELS, "official"),
    "wide, three labels": Case("wide.png", LABELS[1:4], "official"),
    "wide, whole": Case("wide.png", LABELS, "single"),
    "tall, background": Case("tall.png", LABELS[:4], "official"),
    "tall, seven labels": Case("tall.png", LABELS[1:], "official"),
    "tall, whole, one label": Case("tall.png", LABELS[1:2], "single"),
}


def rounded(x: Tensor):
    """Nine digits tell every f32; -inf is null."""
    if x.ndim > 0:
        return [rounded(row) for row in x]
    return None if torch.isinf(x) else float(f"{float(x):.9g}")


def digits(x) -> list[str]:
    """A string a row, a digit a pixel."""
    return ["".join(map(str, row.tolist())) for row in x]


def draw(width: int, height: int, seed: int) -> bytes:
    """Tiles of random colours."""
    tiles = np.random.default_rng(seed).integers(0, 256, (-(-height // 10), -(-width // 10), 3))
    image = Image.fromarray(np.repeat(np.repeat(tiles, 10, 0), 10, 1)[:height, :width].astype("u1"))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def segment_pixels(data: bytes) -> Tensor:
    """mmcv's imrescale and imnormalize, [1, 3, H, W]."""
    image = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    height, width = image.shape[:2]
    short, long = SEGMENT["short_side"], SEGMENT["long_side"]
    scale = min(long / max(height, width), short / min(height, width))
    size = int(width * float(scale) + 0.5), int(height * float(scale) + 0.5)
    image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR).astype(np.float32)
    cv2.subtract(image, np.float64(MEAN.reshape(1, -1)), image)
    cv2.multiply(image, 1 / np.float64(STD.reshape(1, -1)), image)
    return torch.from_numpy(image).permute(2, 0, 1)[None].contiguous()


class Recorded:
    """torch.nn.functional for group_vit_seg.py, whose softmaxes are kept."""

    def __init__(self):
        self.softmaxes: list[tuple[Tensor, Tensor]] = []

    def __getattr__(self, name: str):
        return getattr(F, name)

    def softmax(self, x: Tensor, dim: int) -> Tensor:
        out = F.softmax(x, dim=dim)
        self.softmaxes.append((x.clone(), out))  # what comes out is multiplied in place later
        return out


class World:
    def __init__(self, official: Official, seed: int):
        self.official = official
        merges = vocabulary()
        self.merges = merges
        self.tokenizer = SimpleTokenizer(io.BytesIO(merges), context_length=CONTEXT)
        text = {
            "context_length": CONTEXT,
            "width": TEXT_WIDTH,
            "layers": 1,
            "vocab_size": self.tokenizer.vocab_size,
        }
        self.model = official.model(IMAGE, text, DIM, PROJECTOR)
        randomise(self.model, torch.Generator().manual_seed(seed))
        for tensor in self.model.state_dict().values():
            if tensor.is_floating_point() and tensor.ndim:
                tensor.copy_(tensor.half().float())

    def bank(self, labels: list[str], templates: list[str]) -> Tensor:
        """[K, D] by build_text_embedding."""
        return self.model.build_text_embedding(
            torch.stack([self.tokenizer([t.format(name) for t in templates]) for name in labels])
        )

    def steady(self, pixels: Tensor) -> bool:
        attentions = self.model.img_encoder(pixels, return_attn=True, as_dict=True)["attn_dicts"]
        gaps = []
        for attention in attentions[:2]:
            best = attention["soft"].topk(2, dim=2).values.log()
            gaps.append(float((best[:, :, 0] - best[:, :, 1]).min()))
        return min(gaps) > STEADY

    def require_steady(self, pixels: Tensor) -> None:
        if not self.steady(pixels):
            raise Unfit("a choice hangs on rounding")


def save_checkpoint(world: World) -> None:
    """As utils/checkpoint.py does, before the first step."""
    optimizer = torch.optim.AdamW(world.model.parameters())
    state = {
        "model": world.model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "lr_scheduler": {"base_values": [1.6e-3], "metric": None, "t_in_epochs": False},
        "metrics": defaultdict(float, max_accuracy=0.0),
        "epoch": 29,
        "config": OmegaConf.create({"model": {"type": "MultiLabelContrastive"}, "vis": []}),
        "max_accuracy": np.float64(0.0),
    }
    buffer = io.BytesIO()
    torch.save(state, buffer)
    FOLDER.mkdir(exist_ok=True)
    CHECKPOINT.write_bytes(lzma.compress(buffer.getvalue(), preset=9))


def save_package(world: World) -> None:
    file = FOLDER / "checkpoint.pth"
    file.write_bytes(lzma.decompress(CHECKPOINT.read_bytes()))
    try:
        source = groupvit_checkpoint.load_source(file, HEADS, world.merges)
    finally:
        file.unlink()
    parts = groupvit.parts_of(
        source, "groupvit", "f16", "Apache-2.0", background=Background("background", THRESHOLD)
    )
    parts.more_templates = {name: TEMPLATES for name in parts.more_templates}
    parts.tasks["segment"]["heads"][0]["parameters"] |= SEGMENT
    write_package(PACKAGE, parts, force=PACKAGE.exists())


def stages(world: World) -> list[dict]:
    """Of pictures.steady_noise: batch, height, width, and what the released modules make of it."""
    model, made = world.model, []
    for batch, height, width in ((2, SIDE, SIDE), (3, 2 * SIDE + 3, SIDE + 9)):
        pixels = pictures.steady_noise(
            lambda x: torch.tensor([world.steady(x)]), batch, height, width
        )
        out = model.encode_image(pixels, return_feat=True, as_dict=True)
        attentions = model.img_encoder(pixels, return_attn=True, as_dict=True)["attn_dicts"]
        first, second = (a["soft"].squeeze(1) for a in attentions[:2])
        made.append(
            {
                "size": [batch, height, width],
                "embedding": rounded(out["image_x"]),
                "tokens": rounded(out["image_feat"]),
                "assignment_0_argmax": digits(first.argmax(1).apply_(lambda i: i % 10)),
                "assignment_0_mean": rounded(first.mean(2)),
                "assignment_1": rounded(second),
            }
        )
    return made


def texts(world: World) -> dict:
    names = ["", "cat", "a photo of a white horse, and of a dog."]
    ids = world.tokenizer(names)
    return {"texts": names, "embeddings": rounded(world.model.encode_text(ids))}


def classification(world: World, files: dict[str, bytes]) -> dict:
    pixels = groupvit.transform(groupvit.official_preprocess(SIDE))
    batch = torch.stack([pixels(Image.open(io.BytesIO(data))) for data in files.values()])
    for x in batch:
        world.require_steady(x[None])
    bank = world.bank(LABELS[1:], groupvit.TEMPLATES)
    return {
        "labels": LABELS[1:],
        "pictures": list(files),
        "bank": rounded(bank),
        "cosines": rounded(world.model.zero_shot_pred(batch, bank)),
    }


def window_of(inference, recorded: Recorded, groups: list[Tensor]) -> dict:
    affinity, masked = recorded.softmaxes[0][0], recorded.softmaxes[2][1]
    return {
        "groups": digits(groups[-1]),
        "affinity": rounded(affinity),
        "matrix": rounded(masked),
    }


def segment(world: World, case: Case, data: bytes) -> dict:
    with_bg = case.labels[0] == "background"
    names = case.labels[1:] if with_bg else case.labels
    bank = world.bank(names, TEMPLATES)
    mode = {"official": "slide", "single": "whole"}[case.protocol]
    crop, stride = SEGMENT["crop_size"], SEGMENT["stride"]
    config = Config(
        mode=mode, bg_thresh=THRESHOLD, stride=(stride, stride), crop_size=(crop, crop)
    )
    seg = world.official.seg
    recorded, groups, windows = Recorded(), [], []
    seg.F = recorded
    inference = seg.GroupViTSegInference(world.model, bank, with_bg, config)
    attention, decode = inference.get_attn_maps, inference.encode_decode

    def attn_maps(img, **options):
        maps = attention(img, **options)
        groups.append(maps[-1][0].argmax(dim=-1))
        return maps

    def encode_decode(img, metas):
        world.require_steady(img)
        recorded.softmaxes.clear()
        out = decode(img, metas)
        windows.append({"size": list(img.shape[2:])} | window_of(inference, recorded, groups))
        return out

    inference.get_attn_maps, inference.encode_decode = attn_maps, encode_decode
    pixels = segment_pixels(data)
    width, height = Image.open(io.BytesIO(data)).size
    metas = [{"ori_shape": (height, width, 3), "flip": False}]
    logits = (
        inference.slide_inference if mode == "slide" else inference.whole_inference
    )(pixels, metas, True)
    of_windows = list(windows)
    answer = inference.simple_test(pixels, metas)[0]
    if len(case.labels) > 3 and len(np.unique(answer)) < 3:
        raise Unfit(f"dull answers for {case.picture}")
    points = [[y, x] for y in range(3, height, 11) for x in range(2, width, 9)]
    return {
        "picture": case.picture,
        "labels": case.labels,
        "protocol": case.protocol,
        "resized": list(pixels.shape[2:]),
        "bank": rounded(bank),
        "windows": of_windows,
        "points": points,
        "scores": rounded(torch.stack([logits[0, :, y, x] for y, x in points])),
        "map": digits(answer),
    }


def answers(world: World, files: dict[str, bytes]) -> dict:
    return {
        "parameters": SEGMENT | {"background_threshold": THRESHOLD},
        "templates": TEMPLATES,
        "classes": classification(world, files),
        "cases": {
            name: segment(world, case, files[case.picture]) for name, case in CASES.items()
        },
        "texts": texts(world),
        "stages": stages(world),
    }


@torch.no_grad()
def main() -> None:
    if len(sys.argv) != 3:
        sys.exit("expected the folders of GroupViT and of mmsegmentation's package")
    torch.set_num_threads(1)  # one order of summation, so the same bytes again
    official = Official(*map(Path, sys.argv[1:]))
    files = {"wide.png": draw(75, 50, 0), "tall.png": draw(40, 300, 1)}
    for seed in itertools.count(SEED):
        world = World(official, seed)
        try:
            made = answers(world, files)
            break
        except Unfit as unfit:
            print(f"seed {seed}: {unfit}", file=sys.stderr)
    save_checkpoint(world)
    for name, data in files.items():
        (FOLDER / name).write_bytes(data)
    save_package(world)
    ANSWERS.write_text(json.dumps(made, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
