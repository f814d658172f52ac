"""LSeg as its released code computes it, in torch, eager: all logits are stored, at half of the
sides and at all of them; the evaluation encodes the labels again for every window.

job: {"artefacts": folder of head_artefacts.py, "input": file.npy, "labels": file, "threads": N}
"""

import math
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "models" / "export"))

SCALE = 1 / 0.07
BASE_SIZE, CROP_SIZE, STRIDE = 520, 480, 320
SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)


def _start(job: dict):
    """The towers, ids [K, 77] of the labels, the input."""
    import torch
    from open_clip.tokenizer import SimpleTokenizer

    torch.set_num_threads(job["threads"])
    towers = torch.load(Path(job["artefacts"]) / "lseg.pth", weights_only=False)
    ids = SimpleTokenizer()(Path(job["labels"]).read_text().splitlines())
    return towers["image"], towers["text"], ids, torch.from_numpy(np.load(job["input"]))


def _calling(forward):
    import torch

    def call():
        with torch.inference_mode():
            return forward()

    return call, lambda labels: labels.numpy()


def _logits(maps, classes):
    """maps [B, D, Y, X], classes [K, D] -> [B, K, 2 Y, 2 X]"""
    from torch.nn import functional as F

    rows = SCALE * maps.flatten(2).transpose(1, 2)  # [B, Y X, D]
    logits = (rows @ classes.T).transpose(1, 2).unflatten(2, maps.shape[2:])
    return F.interpolate(logits, scale_factor=2, mode="bilinear", align_corners=True)


def _classes(text, ids):
    from torch.nn import functional as F

    return F.normalize(text(ids), dim=1)


def single(job: dict):
    """Pixels to labels; the words are encoded before."""
    import torch

    image, text, ids, pixels = _start(job)
    with torch.inference_mode():
        classes = _classes(text, ids)
    return _calling(lambda: _logits(image(pixels), classes).argmax(1))


def head(job: dict):
    """The same without the image tower."""
    import torch

    image, text, ids, pixels = _start(job)
    with torch.inference_mode():
        classes, maps = _classes(text, ids), image(pixels)
    return _calling(lambda: _logits(maps, classes).argmax(1))


def official(job: dict):
    """additional_utils/models.py, LSeg_MultiEvalModule: picture [H, W, 3] u8 to labels."""
    import torch
    from torch.nn import functional as F

    image, text, ids, picture = _start(job)
    normalised = (picture.permute(2, 0, 1)[None] / 255 - 0.5) / 0.5
    height, width = normalised.shape[2:]

    def resized(x, rows, columns):
        return F.interpolate(x, (rows, columns), mode="bilinear", align_corners=True)

    def padded(x):
        right, below = (max(CROP_SIZE - side, 0) for side in (x.shape[3], x.shape[2]))
        return F.pad(x, (0, right, 0, below), value=-1)

    def window(x):
        one = _logits(image(x), _classes(text, ids))
        return one + _logits(image(x.flip(3)), _classes(text, ids)).flip(3)

    def frame(rows, columns):
        x = padded(resized(normalised, rows, columns))
        sums = torch.zeros(1, len(ids), *x.shape[2:])
        counts = torch.zeros(1, 1, *x.shape[2:])
        grids = [math.ceil((side - CROP_SIZE) / STRIDE) + 1 for side in x.shape[2:]]
        for top in range(0, grids[0] * STRIDE, STRIDE):
            for left in range(0, grids[1] * STRIDE, STRIDE):
                part = x[:, :, top : top + CROP_SIZE, left : left + CROP_SIZE]
                down, across = slice(top, top + part.shape[2]), slice(left, left + part.shape[3])
                logits = window(padded(part))[:, :, : part.shape[2], : part.shape[3]]
                sums[:, :, down, across] += logits
                counts[:, :, down, across] += 1
        return resized((sums / counts)[:, :, :rows, :columns], height, width)

    def forward():
        scores = torch.zeros(1, len(ids), height, width)
        for scale in SCALES:
            longer = math.ceil(BASE_SIZE * scale)
            rows, columns = (
                (longer, int(width * longer / height + 0.5))
                if height > width
                else (int(height * longer / width + 0.5), longer)
            )
            scores += frame(rows, columns)
        return scores.argmax(1)

    return _calling(forward)
