"""CLIP with a ViT or ResNet image tower, from open_clip's architectures and checkpoints.

The open_clip model is the reference.  Its state dict is mapped by name onto the canonical towers,
whose names are the same: `visual.` is the image tower, the rest, but the logit scale and bias, the
text tower.
"""

import difflib
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.pretrained import download_pretrained, get_pretrained_cfg
from open_clip.tokenizer import SimpleTokenizer, default_bpe
from open_clip.transform import PreprocessCfg, image_transform_v2

from .checkpoint import StateDict, load_strictly, round_to_half
from .errors import ExportError, progress, reason
from .package import digest
from .preprocess import to_manifest
from .random_weights import randomise
from .reference import Reference
from .script_weights import read_checkpoint
from .towers import (
    ModifiedResNet,
    ResnetConfig,
    TextConfig,
    TextTransformer,
    VisionTransformer,
    VitConfig,
)
from .parts import PackageParts

_VISION_KEYS = {"image_size", "layers", "width", "patch_size", "head_width", "mlp_ratio"}
_TEXT_KEYS = {"context_length", "vocab_size", "width", "heads", "layers", "mlp_ratio"}
_PREPROCESS_KEYS = ("mean", "std", "interpolation", "resize_mode")


@dataclass(frozen=True)
class Source:
    """An open_clip model with its weights, and what is known about them."""

    model: open_clip.CLIP
    config: dict[str, Any]  # open_clip's model configuration, quick_gelu and image_size final
    preprocess: PreprocessCfg
    provenance: dict[str, str]


def is_resnet(config: dict[str, Any]) -> bool:
    return isinstance(config["vision_cfg"].get("layers"), list | tuple)


def _unsupported(config: dict[str, Any]) -> str | None:
    """What keeps an open_clip configuration from being one of CLIP's own two architectures."""
    vision, text = config["vision_cfg"], config["text_cfg"]
    if "timm_model_name" in vision:
        return f"the timm image tower {vision['timm_model_name']}"
    if "multimodal_cfg" in config:
        return "a CoCa decoder"
    if "hf_model_name" in text:
        return f"the Hugging Face text tower {text['hf_model_name']}"
    if "hf_tokenizer_name" in text:
        return f"the tokenizer {text['hf_tokenizer_name']}"
    extra = [f"vision_cfg.{k}" for k in vision if k not in _VISION_KEYS]
    extra += [f"text_cfg.{k}" for k in text if k not in _TEXT_KEYS]
    extra += [k for k in config if k not in ("embed_dim", "vision_cfg", "text_cfg", "quick_gelu")]
    return ", ".join(extra) or None


def require_supported(config: dict[str, Any], source: str) -> None:
    """Refuses everything but a ViT or ModifiedResNet with CLIP's text tower."""
    obstacle = _unsupported(config)
    if obstacle:
        raise ExportError(
            f"expected an architecture with a plain ViT or ResNet image tower and CLIP's text "
            f"tower (such as ViT-B-32 or RN50), got {source} with {obstacle}"
        )


def architecture(name: str) -> dict[str, Any]:
    """open_clip's configuration of `name`, if it is supported."""
    config = open_clip.get_model_config(name) if ":" not in name else None
    if config is None:
        close = difflib.get_close_matches(name, open_clip.list_models(), n=3)
        hint = f" (close: {', '.join(close)})" if close else ""
        raise ExportError(f"expected an architecture name of open_clip, got {name!r}{hint}")
    require_supported(config, name)
    return config


def _weights_file(arch: str, pretrained: str) -> tuple[Path, dict[str, Any], dict[str, str]]:
    """(file, the tag's configuration or {}, provenance) of a tag or a local file."""
    tag = get_pretrained_cfg(arch, pretrained)
    if tag:
        progress(f"fetching the weights {arch} {pretrained}")
        try:
            path = Path(download_pretrained(tag))
        except Exception as error:  # network, hub and file errors of several libraries
            raise ExportError(
                f"expected to download the weights {pretrained} of {arch}, got: {reason(error)}"
            ) from error
        return path, tag, {"weights": f"open_clip {arch} {pretrained}"}
    path = Path(pretrained)
    if not path.is_file():
        tags = open_clip.list_pretrained_tags_by_model(arch)
        raise ExportError(
            f"expected a tag of {arch} ({', '.join(tags) or 'it has none'}) or a file, "
            f"got {pretrained!r}"
        )
    return path, {}, {"weights": path.name, "weights_sha256": digest(path)}


def _resized(state: StateDict, model: open_clip.CLIP) -> StateDict:
    """`state` with image positions for the model's grid, by open_clip's own resize."""
    state = dict(state)
    positions = state.get("visual.positional_embedding")
    # What is not a square grid and a class token is left for load_strictly to name.
    if positions is not None and positions.ndim == 2 and len(positions) > 1:
        if isqrt(len(positions) - 1) ** 2 == len(positions) - 1:
            state["visual.positional_embedding"] = positions.float()
            open_clip.model.resize_pos_embed(state, model)
    return state


def _activation(config: dict[str, Any], tag: dict[str, Any], asked: bool | None) -> bool:
    """Whether QuickGELU is used: as asked, else as the tag was trained, else as `config` says."""
    trained = bool(tag.get("quick_gelu", False)) if tag else None
    # open_clip only warns where architecture and tag disagree; the tag is right.
    chosen = next(x for x in (asked, trained, config.get("quick_gelu", False)) if x is not None)
    if trained is not None and trained != chosen:
        progress(f"note: the weights were trained with {activation_name(trained)}")
    elif chosen != config.get("quick_gelu", False):
        progress(f"note: {activation_name(chosen)} instead of the architecture's activation")
    return chosen


def _set_image_size(config: dict[str, Any], size: int, arch: str, has_weights: bool) -> None:
    if is_resnet(config):
        if has_weights:  # open_clip/model.py, resize_pos_embed, leaves the attention pool alone
            raise ExportError(
                f"expected a ViT to resize the positions of, got an image size for {arch}, whose "
                f"attention pool has one size"
            )
        if size % 32 or not 32 <= size <= 4096:
            raise ExportError(
                f"expected a multiple of 32 up to 4096 as the image size of {arch}, got {size}"
            )
    else:
        patch = config["vision_cfg"]["patch_size"]
        if not patch <= size <= 4096:
            raise ExportError(
                f"expected an image size from {patch}, the patch size of {arch}, to 4096, "
                f"got {size}"
            )
    config["vision_cfg"]["image_size"] = size


def _depth(config: dict[str, Any]) -> int:
    """Residual blocks of the image tower."""
    layers = config["vision_cfg"]["layers"]
    return sum(layers) if is_resnet(config) else layers


def load_source(
    arch: str,
    pretrained: str | None,
    seed: int = 0,
    quick_gelu: bool | None = None,
    image_size: int | None = None,
) -> Source:
    """The open_clip model `arch` with weights of a tag or file, or random ones (pretrained None).

    quick_gelu None: what the tag was trained with, or what the architecture says.
    """
    config = architecture(arch)
    tag: dict[str, Any] = {}
    state: StateDict | None = None
    if pretrained is None:
        provenance = {"weights": f"random, seed {seed}"}
    else:
        path, tag, provenance = _weights_file(arch, pretrained)
        state = read_checkpoint(path)
    config["quick_gelu"] = _activation(config, tag, quick_gelu)
    if image_size is not None:
        _set_image_size(config, image_size, arch, has_weights=state is not None)
    extra = {"init_logit_bias": 0.0} if state is not None and "logit_bias" in state else {}
    progress(f"building open_clip {arch}")
    model = open_clip.create_model(
        arch,
        force_image_size=image_size,
        force_preprocess_cfg={k: tag[k] for k in _PREPROCESS_KEYS if k in tag},
        quick_gelu=config["quick_gelu"],
        **extra,
    ).eval()
    if state is None:
        randomise(model, seed, _depth(config))
    else:
        load_weights(
            model, _resized(state, model) if image_size else state, Path(pretrained).name
        )
    provenance["architecture"] = f"open_clip {arch}"
    return Source(model, config, PreprocessCfg(**model.visual.preprocess_cfg), provenance)


def load_weights(model: open_clip.CLIP, state: StateDict, source: str) -> None:
    state = dict(state)
    for name in ("logit_scale", "logit_bias"):
        if name in state and state[name].numel() == 1:
            state[name] = state[name].reshape(())
    for name, tensor in model.state_dict().items():  # counts training steps; not in every file
        if name.endswith("num_batches_tracked"):
            state.setdefault(name, tensor)
    load_strictly(model, state, source)


def activation_name(quick_gelu: bool) -> str:
    return "quick_gelu" if quick_gelu else "gelu"


def _resnet_config(config: dict[str, Any]) -> ResnetConfig:
    vision = config["vision_cfg"]
    return ResnetConfig(
        image_size=vision["image_size"],
        width=vision["width"],
        layers=tuple(vision["layers"]),
        heads=vision["width"] * 32 // vision.get("head_width", 64),
        embed_dim=config["embed_dim"],
    )


def _vit_config(config: dict[str, Any]) -> VitConfig:
    vision = config["vision_cfg"]
    return VitConfig(
        image_size=vision["image_size"],
        patch_size=vision["patch_size"],
        width=vision["width"],
        layers=vision["layers"],
        heads=vision["width"] // vision.get("head_width", 64),
        mlp_dim=int(vision["width"] * vision.get("mlp_ratio", 4.0)),
        embed_dim=config["embed_dim"],
        quick_gelu=config.get("quick_gelu", False),
    )


def _text_config(config: dict[str, Any], eot: int) -> TextConfig:
    text = config["text_cfg"]
    return TextConfig(
        vocab_size=text["vocab_size"],
        context_length=text["context_length"],
        width=text["width"],
        layers=text["layers"],
        heads=text["heads"],
        mlp_dim=int(text["width"] * text.get("mlp_ratio", 4.0)),
        embed_dim=config["embed_dim"],
        quick_gelu=config.get("quick_gelu", False),
        eot=eot,
    )


ImageTower = VisionTransformer | ModifiedResNet


def towers(
    model: open_clip.CLIP, config: dict[str, Any], eot: int
) -> tuple[ImageTower, TextTransformer]:
    """The canonical towers of an open_clip model; they share its tensors."""
    with torch.device("meta"):  # shapes only; the tensors come from the model
        image_tower = (
            ModifiedResNet(_resnet_config(config))
            if is_resnet(config)
            else VisionTransformer(_vit_config(config))
        )
        text_tower = TextTransformer(_text_config(config, eot))
    image_state, text_state = {}, {}
    for key, tensor in model.state_dict().items():
        if key.startswith("visual."):
            if not key.endswith("num_batches_tracked"):
                image_state[key.removeprefix("visual.")] = tensor
        elif key not in ("logit_scale", "logit_bias"):
            text_state[key] = tensor
    load_strictly(image_tower, image_state, "the image tower of the open_clip model")
    load_strictly(text_tower, text_state, "the text tower of the open_clip model")
    return image_tower.eval(), text_tower.eval()


def parts_of(
    source: Source, name: str, storage: str, licence: str, image_only: bool = False
) -> PackageParts:
    """A package of an open_clip model.  With storage f16 the model's weights are rounded."""
    model, config = source.model, source.config
    scale = float(model.logit_scale.detach().exp())
    bias = 0.0 if model.logit_bias is None else float(model.logit_bias.detach())
    tokenizer = SimpleTokenizer(context_length=config["text_cfg"]["context_length"])
    if not image_only and tokenizer.vocab_size != config["text_cfg"]["vocab_size"]:
        raise ExportError(
            f"expected {tokenizer.vocab_size} token embeddings, the size of CLIP's vocabulary, "
            f"got {config['text_cfg']['vocab_size']} in the text tower"
        )
    image, text = towers(model, config, tokenizer.eot_token_id)
    if storage == "f16":  # rounds the model too, whose tensors these are; its logit scale stays
        round_to_half(image)
        round_to_half(text)
    parts = PackageParts(
        name=name,
        image=image,
        text=text,
        text_width=config["text_cfg"]["width"],
        embed_dim=config["embed_dim"],
        activation=activation_name(config.get("quick_gelu", False)),
        preprocess=to_manifest(source.preprocess),
        merges=Path(default_bpe()).read_bytes(),
        reference=Reference(
            pixels=image_transform_v2(source.preprocess, is_train=False),
            tokenizer=tokenizer,
            image=model.encode_image,
            text=model.encode_text,
            logit_scale=scale,
            logit_bias=bias,
        ),
        licence=licence,
        provenance=source.provenance,
        storage=storage,
    )
    return parts.image_only() if image_only else parts
