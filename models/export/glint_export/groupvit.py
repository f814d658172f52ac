"""A package of GroupViT from its towers; groupvit_checkpoint.py and hf_groupvit.py bring them.

transformers' GroupViTModel, filled with the weights that the package stores, is the reference.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor

from . import pictures
from .checkpoint import round_to_half
from .errors import ExportError
from .groupvit_reference import Groups, Model, steady_of
from .parts import Call, Methods, PackageParts, method, port
from .preprocess import transform
from .reference import Reference, open_picture
from .towers import GroupVit, GroupVitConfig, ProjectedTextTransformer, TextConfig

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]  # ImageNet's, in every configuration
# mmcv's on values up to 255, which are f32 numbers there; green's is 57.12, and 255 * 0.224 is not.
_MMCV_STD = [0.229, 0.22399999, 0.225]
TEMPLATES = [  # datasets/imagenet_template.py, `subset`: the ones for ImageNet's classes
    "itap of a {}.",
    "a bad photo of a {}.",
    "a origami {}.",
    "a photo of the large {}.",
    "a {} in a video game.",
    "art of the {}.",
    "a photo of the small {}.",
]
SEGMENT_TEMPLATES = ["a photo of a {}."]  # `simple`: the one of the segmentation's evaluation
SEGMENT_FILE = "templates-segment.json"


@dataclass(frozen=True)
class Background:
    """The label that is answered by a threshold, and never encoded; "" for none.

    threshold: test_cfg.bg_thresh of segmentation/configs, 0.95 for Pascal VOC and COCO, 0.35 for
    Pascal Context.
    """

    label: str = "background"
    threshold: float = 0.95


@dataclass(frozen=True)
class Source:
    """Towers with their weights, and what is known about them."""

    image: GroupVit
    text: ProjectedTextTransformer | None
    image_config: GroupVitConfig
    text_config: TextConfig  # of the reference, also where there is no text tower
    logit_scale: float
    preprocess: dict[str, Any]
    merges: bytes
    tokenizer: SimpleTokenizer | None
    provenance: dict[str, str]


def image_methods(config: GroupVitConfig) -> Methods:
    pixels = port("pixels", "f32", "B", 3, "H", "W")
    embedding = port("embedding", "f32", "B", config.embed_dim)
    first, second = config.groups
    outputs = (
        embedding,
        port("tokens", "f32", "B", second, config.embed_dim),
        port("assignment_0", "f32", "B", first, "N"),
        port("assignment_1", "f32", "B", second, first),
    )
    return {"forward": method([pixels], embedding), "groups": method([pixels], *outputs)}


def official_preprocess(side: int) -> dict[str, Any]:
    """Of classification: datasets/builder.py, build_img_transform."""
    return {
        "size": [side, side],
        "resize": 256 * side // 224,
        "geometry": "shortest",
        "interpolation": "bilinear",
        "antialias": True,
        "arithmetic": "pillow",
        "rgb": "before",
        "rescale": "div255",
        "channels": "rgb",
        "mean": MEAN,
        "std": STD,
    }


def segment_preprocess(
    side: int, mean: list[float] = MEAN, std: list[float] = _MMCV_STD
) -> dict[str, Any]:
    """Of segmentation/configs: cv2's resize, then mmcv's imnormalize."""
    return {
        "size": [side, side],
        "geometry": "squash",
        "interpolation": "bilinear",
        "antialias": False,
        "arithmetic": "opencv",
        "rgb": "before",
        "rescale": "fused",
        "channels": "rgb",
        "mean": mean,
        "std": std,
    }


def tasks(config: GroupVitConfig, background: Background, has_text: bool = True) -> dict[str, Any]:
    """Classification, and segmentation with windows of twice the trained side."""
    window = 2 * config.image_size
    segment = {
        "short_side": window,
        "long_side": 2048 * window // 448,
        "crop_size": window,
        "stride": window // 2,
        "top_classes": 5,
        "background": background.label,
        "background_threshold": background.threshold,
        "patch": config.patch_size,
    }
    heads = {
        "classify": ("zero_shot", "templates.json", {"normalise_templates": False}),
        "segment": ("groupvit", SEGMENT_FILE, segment),
    }
    preprocess = {"classify": "default", "segment": "segment"}
    return {
        task: {
            "preprocess": preprocess[task],
            "heads": [
                {"type": kind, "templates": path if has_text else None, "parameters": parameters}
            ],
        }
        for task, (kind, path, parameters) in heads.items()
    }


def drawn(steady: Callable[[Tensor], Tensor], preprocess: dict[str, Any]) -> dict[str, bytes]:
    """Pictures as pictures.drawn() makes them, of a size at which the groups are steady."""
    pixels = transform(preprocess)
    side = preprocess["size"][0]
    for size in range(side, side + 100):
        files = pictures.drawn(size)
        batch = torch.stack([pixels(open_picture(n, data)) for n, data in files.items()])
        if steady(batch).all():
            return files
    raise ExportError("expected groups that do not hang on rounding, got none for 100 pictures")


def _call(groups: Groups, pixels: Tensor, outputs: list[dict[str, Any]]) -> Call:
    names = [output["name"] for output in outputs]
    with torch.no_grad():
        made = dict(zip(names, groups(pixels), strict=True))
    return Call("image", "groups", {"pixels": pixels}, made)


def calls(groups: Groups, config: GroupVitConfig) -> tuple[list[Call], list[Call]]:
    """(recorded, only checked): other sizes and batches than the trained ones.

    A side with a rest behind the last whole patch, a window of the segmentation, and one patch.
    """
    side, patch = config.image_size, config.patch_size
    recorded = (2, side + patch + 1, max(patch, side - patch))
    outputs = image_methods(config)["groups"]["outputs"]
    sizes = [recorded, (3, 2 * side, 2 * side), (2, patch, patch)]
    steady = steady_of(groups)
    made = [_call(groups, pictures.steady_noise(steady, *size), outputs) for size in sizes]
    return made[:1], made[1:]


def parts_of(
    source: Source,
    name: str,
    storage: str,
    licence: str,
    image_only: bool = False,
    background: Background = Background(),  # noqa: B008 (immutable)
) -> PackageParts:
    """A package of towers.  With storage f16 their weights are rounded."""
    if storage == "f16":
        for tower in (source.image, source.text):
            if tower is not None:
                round_to_half(tower)
    config = source.image_config
    towers = {"image": source.image, "text": source.text}
    model = Model(towers, config, source.text_config)
    recorded, checked = calls(model.groups, config)
    steady = steady_of(model.groups)
    parts = PackageParts(
        name=name,
        image=source.image,
        text=source.text,
        text_width=source.text_config.width,
        embed_dim=config.embed_dim,
        activation="gelu",
        preprocess=source.preprocess,
        merges=source.merges,
        reference=Reference(
            pixels=transform(source.preprocess),
            tokenizer=source.tokenizer,
            image=model.image,
            text=model.text,
            logit_scale=source.logit_scale,
            logit_bias=0.0,
            libraries=("transformers",),
            steady=steady,
        ),
        licence=licence,
        provenance=source.provenance,
        storage=storage,
        pictures=drawn(steady, source.preprocess),
        family="groupvit",
        templates=list(TEMPLATES),
        more_templates={} if image_only else {SEGMENT_FILE: list(SEGMENT_TEMPLATES)},
        more_preprocesses={"segment": segment_preprocess(2 * config.image_size)},
        methods={"image": image_methods(config)},
        tasks=tasks(config, background, not image_only),
        calls=recorded,
        checked=checked,
    )
    return parts.image_only() if image_only else parts
