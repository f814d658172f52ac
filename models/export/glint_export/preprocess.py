"""open_clip's preprocess configuration, or Hugging Face's in its terms, to the manifest's, and back."""

import math
from typing import Any

import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from torch.nn import functional as F
from torchvision import transforms

from .errors import ExportError


def _three(name: str, values: Any) -> list[float]:
    numbers = isinstance(values, tuple | list) and all(type(x) in (int, float) for x in values)
    lowest = 0.0 if name == "std" else -math.inf
    if not numbers or len(values) != 3 or not all(lowest < x < math.inf for x in values):
        positive = "positive " if name == "std" else ""
        raise ExportError(
            f"expected three {positive}numbers as {name} in the preprocess configuration, "
            f"got {values!r}"
        )
    return [float(x) for x in values]


def to_manifest(cfg: PreprocessCfg, hugging_face: bool = False) -> dict[str, Any]:
    """The manifest's preprocess of an open_clip configuration; refuses what the format lacks.

    hugging_face: in the order of transformers' Pillow processors, which make the picture RGB first,
    with alpha on white, and start a crop of an odd number of pixels at the lower half; else in that
    of open_clip (transform.py, image_transform): resize, crop, then convert.
    """
    height, width = (cfg.size, cfg.size) if isinstance(cfg.size, int) else cfg.size
    if cfg.interpolation not in ("bicubic", "bilinear"):
        raise ExportError(
            f"expected bicubic or bilinear interpolation in the preprocess configuration, "
            f"got {cfg.interpolation!r}"
        )
    if cfg.resize_mode not in ("shortest", "squash", "longest"):
        raise ExportError(
            f"expected resize mode shortest, squash or longest in the preprocess configuration, "
            f"got {cfg.resize_mode!r}"
        )
    fill = {}
    if cfg.resize_mode == "longest":
        if not isinstance(cfg.fill_color, int) or not 0 <= cfg.fill_color <= 255:
            raise ExportError(
                f"expected a fill colour from 0 to 255 in the preprocess configuration, "
                f"got {cfg.fill_color!r}"
            )
        fill = {"fill": cfg.fill_color}
    # open_clip/transform.py, image_transform: ResizeKeepRatio(image_size) for a size that is not
    # square is not given the interpolation, and its default is bicubic.
    covers = cfg.resize_mode == "shortest" and height != width
    return {
        "size": [int(height), int(width)],
        "geometry": cfg.resize_mode,
        **fill,
        **({"crop": "down"} if hugging_face else {}),
        "interpolation": "bicubic" if covers else cfg.interpolation,
        "antialias": True,
        "arithmetic": "pillow",
        "rgb": "before_on_white" if hugging_face else "after",
        "rescale": "div255",
        "channels": "rgb",
        "mean": _three("mean", cfg.mean),
        "std": _three("std", cfg.std),
    }


def transform(preprocess: dict[str, Any]):
    """The reference's own transform, Pillow image -> pixels [3, H, W] f32, of a manifest's preprocess.

    Only for what to_manifest() writes, for GroupViT's of torchvision and for LSeg's of torch.
    """
    if preprocess["arithmetic"] == "torch":
        return _torchs(preprocess)
    if preprocess["rgb"] == "before":
        return _torchvisions(preprocess)
    if preprocess["rgb"] == "before_on_white":
        return _hugging_faces(preprocess)
    height, width = preprocess["size"]
    return image_transform_v2(
        PreprocessCfg(
            size=height if height == width else (height, width),
            mean=tuple(preprocess["mean"]),
            std=tuple(preprocess["std"]),
            interpolation=preprocess["interpolation"],
            resize_mode=preprocess["geometry"],
            fill_color=preprocess.get("fill", 0),
        ),
        is_train=False,
    )


def _torchvisions(preprocess: dict[str, Any]):
    """RGB, the shorter side to `resize`, the centre, values in [0, 1], mean and deviation."""
    steps = transforms.Compose(
        [
            transforms.Resize(preprocess["resize"], transforms.InterpolationMode.BILINEAR),
            transforms.CenterCrop(preprocess["size"]),
            transforms.ToTensor(),
            transforms.Normalize(preprocess["mean"], preprocess["std"]),
        ]
    )
    return lambda picture: steps(picture.convert("RGB"))


def _torchs(preprocess: dict[str, Any]):
    """RGB, values in [0, 1], mean and deviation, then the size, by bilinear interpolation."""
    steps = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize(preprocess["mean"], preprocess["std"])]
    )
    size, aligned = preprocess["size"], preprocess["align_corners"]

    def pixels(picture: Image.Image) -> torch.Tensor:
        whole = steps(picture.convert("RGB"))[None]
        return F.interpolate(whole, size, mode="bilinear", align_corners=aligned)[0]

    return pixels


def _hugging_faces(preprocess: dict[str, Any]):
    import transformers  # takes seconds, and only packages from its folders need it

    height, width = preprocess["size"]
    target = {"height": height, "width": width}
    processor = transformers.CLIPImageProcessorPil(
        size={"shortest_edge": height} if preprocess["geometry"] == "shortest" else target,
        crop_size=target,
        resample=Image.Resampling[preprocess["interpolation"].upper()],
        image_mean=preprocess["mean"],
        image_std=preprocess["std"],
    )
    return lambda picture: torch.from_numpy(
        processor(picture, return_tensors="np")["pixel_values"][0]
    )
