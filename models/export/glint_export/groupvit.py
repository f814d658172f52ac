"""A package of GroupViT from its towers; groupvit_checkpoint.py and hf_groupvit.py bring them.

transformers' GroupViTModel, filled with the weights that the package stores, is the reference.
"""

from dataclasses import dataclass
from typing import Any

import torch
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor
from transformers import GroupViTConfig, GroupViTModel

from . import pictures
from .checkpoint import load_strictly, round_to_half
from .errors import ExportError
from .groupvit_names import to_hf
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
_STEADY = 2e-4  # difference of the two largest scores of a choice that no rounding makes up for


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


def _hf_config(image: GroupVitConfig, text: TextConfig) -> GroupViTConfig:
    vision = {
        "hidden_size": image.width,
        "intermediate_size": image.mlp_dim,
        "num_hidden_layers": sum(image.depths),
        "depths": list(image.depths),
        "num_group_tokens": [*image.group_tokens, 0],
        "num_output_groups": [*image.groups, 0],
        "num_attention_heads": image.heads,
        "image_size": image.image_size,
        "patch_size": image.patch_size,
        "assign_mlp_ratio": [image.token_dims[0] / image.width, image.channel_dim / image.width],
    }
    words = {
        "vocab_size": text.vocab_size,
        "hidden_size": text.width,
        "intermediate_size": text.mlp_dim,
        "num_hidden_layers": text.layers,
        "num_attention_heads": text.heads,
        "max_position_embeddings": text.context_length,
        "hidden_act": "quick_gelu" if text.quick_gelu else "gelu",
        "bos_token_id": text.eot - 1,
        "eos_token_id": text.eot,
    }
    return GroupViTConfig(
        vision_config=vision,
        text_config=words,
        projection_dim=image.embed_dim,
        projection_intermediate_dim=image.projector_dim,
    )


class Model:
    """transformers' GroupViTModel with the weights of our towers, for pixels of any size."""

    def __init__(self, source: Source):
        self.hf = GroupViTModel(_hf_config(source.image_config, source.text_config)).eval()
        state = to_hf({"image": source.image} | ({"text": source.text} if source.text else {}))
        for name, tensor in self.hf.state_dict().items():
            counts = name.endswith("num_batches_tracked") or name == "logit_scale"
            if counts or (source.text is None and name.startswith("text_")):
                state[name] = tensor
        load_strictly(self.hf, state, "the towers, in GroupViTModel")

    def groups(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """As towers/groupvit.py, GroupVit.groups."""
        vision = self.hf.vision_model
        x = vision.embeddings(pixels, interpolate_pos_encoding=True)
        out = vision.encoder(x, output_attentions=True, return_dict=True)
        groups = vision.layernorm(out.last_hidden_state)
        flat = self.hf.visual_projection(groups.flatten(0, 1))
        embedding = self.hf.visual_projection(groups.mean(dim=1))
        return embedding, flat.unflatten(0, groups.shape[:2]), *out.attentions

    def image(self, pixels: Tensor) -> Tensor:
        return self.groups(pixels)[0]

    def text(self, ids: Tensor) -> Tensor:
        return self.hf.get_text_features(ids).pooler_output

    @torch.no_grad()
    def steady(self, pixels: Tensor) -> Tensor:
        """[B] bool: no token chooses its group by a difference that rounding could turn."""
        out = []
        for soft in self.groups(pixels)[2:]:
            best = soft.topk(2, dim=1).values.log()  # [B, 2, tokens]
            out.append((best[:, 0] - best[:, 1]).amin(dim=1) > _STEADY)
        return out[0] & out[1]


def drawn(model: Model, preprocess: dict[str, Any]) -> dict[str, bytes]:
    """Pictures as pictures.drawn() makes them, of a size at which the groups are steady."""
    pixels = transform(preprocess)
    side = preprocess["size"][0]
    for size in range(side, side + 100):
        files = pictures.drawn(size)
        batch = torch.stack([pixels(open_picture(n, data)) for n, data in files.items()])
        if model.steady(batch).all():
            return files
    raise ExportError("expected groups that do not hang on rounding, got none for 100 pictures")


def _call(model: Model, pixels: Tensor, outputs: list[dict[str, Any]]) -> Call:
    names = [output["name"] for output in outputs]
    with torch.no_grad():
        made = dict(zip(names, model.groups(pixels), strict=True))
    return Call("image", "groups", {"pixels": pixels}, made)


def calls(model: Model, config: GroupVitConfig) -> tuple[list[Call], list[Call]]:
    """(recorded, only checked): other sizes and batches than the trained ones.

    A side with a rest behind the last whole patch, a window of the segmentation, and one patch.
    """
    side, patch = config.image_size, config.patch_size
    recorded = (2, side + patch + 1, max(patch, side - patch))
    outputs = image_methods(config)["groups"]["outputs"]
    sizes = [recorded, (3, 2 * side, 2 * side), (2, patch, patch)]
    made = [_call(model, pictures.steady_noise(model.steady, *size), outputs) for size in sizes]
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
    model, config = Model(source), source.image_config
    recorded, checked = calls(model, config)
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
            steady=model.steady,
        ),
        licence=licence,
        provenance=source.provenance,
        storage=storage,
        pictures=drawn(model, source.preprocess),
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
