"""GroupViT from a folder that transformers saves (GroupViTModel, save_pretrained)."""

from pathlib import Path
from typing import Any

import torch
from transformers import GroupViTConfig, GroupViTModel

from . import groupvit
from .checkpoint import load_strictly
from .errors import ExportError, progress, reason
from .folders import read_json, read_weights, require
from .groupvit import Background, Source
from .groupvit_names import from_hf
from .hf_preprocess import preprocess_of
from .hf_tokenizer import load_tokenizer
from .parts import PackageParts
from .towers import GroupVit, GroupVitConfig, ProjectedTextTransformer, TextConfig

_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_LEGACY_EOS = 2  # in configurations from before transformers 4.31; pools the largest id
_MAX_SCALE = 100.0  # NVlabs' models/multi_label_contrastive.py; GroupViTModel itself has no limit


def is_groupvit(folder: Path) -> bool:
    """Whether config.json says so; another reader complains about a folder without one."""
    path = folder / "config.json"
    return path.is_file() and read_json(path).get("model_type") == "groupvit"


def _read_config(path: Path) -> GroupViTConfig:
    try:
        config = GroupViTConfig.from_dict(read_json(path))
    except Exception as error:  # transformers checks types and more
        raise ExportError(f"expected a GroupViTConfig in {path}, got: {reason(error)}") from error
    vision, text = config.vision_config, config.text_config
    for part, name, expected in (
        (vision, "hidden_act", "gelu"),
        (vision, "layer_norm_eps", 1e-5),
        (vision, "num_channels", 3),
        (vision, "assign_eps", 1.0),
        (text, "layer_norm_eps", 1e-5),
    ):
        value = getattr(part, name)
        where = f"{'vision' if part is vision else 'text'}_config of {path}"
        require(value == expected, f"{name} {expected!r}", repr(value), where)
    where = f"text_config of {path}"
    known = text.hidden_act in ("quick_gelu", "gelu")
    require(known, "hidden_act quick_gelu or gelu", repr(text.hidden_act), where)
    for name in ("image_size", "patch_size"):
        value = getattr(vision, name)
        require(isinstance(value, int) and value > 0, f"an integer {name}", value, str(path))
    _check_groups(vision, path)
    return config


def _check_groups(vision: Any, path: Path) -> None:
    """Two stages of groups and one without, as in the released models."""
    where = f"vision_config of {path}"
    require(len(vision.depths) == 3, "three depths", list(vision.depths), where)
    tokens, groups = list(vision.num_group_tokens), list(vision.num_output_groups)
    stages = len(tokens) == 3 and min(tokens[:2]) > 0 and tokens[2] == 0
    require(stages, "num_group_tokens of two stages, then 0", tokens, where)
    # The second stage's projector takes the first one's group tokens, and transformers makes it for
    # the first one's output groups.
    fits = len(groups) >= 2 and min(groups[:2]) > 0 and groups[0] == tokens[0]
    require(fits, "num_output_groups that begin with as many as num_group_tokens", groups, where)
    ratio = vision.assign_mlp_ratio
    two = isinstance(ratio, list | tuple) and len(ratio) == 2
    require(two, "two numbers as assign_mlp_ratio", ratio, where)


def _configs(config: GroupViTConfig, eot: int) -> tuple[GroupVitConfig, TextConfig]:
    vision, text = config.vision_config, config.text_config
    mixed, channels = (int(ratio * vision.hidden_size) for ratio in vision.assign_mlp_ratio)
    image = GroupVitConfig(
        image_size=vision.image_size,
        patch_size=vision.patch_size,
        width=vision.hidden_size,
        depths=tuple(vision.depths),
        heads=vision.num_attention_heads,
        mlp_dim=vision.intermediate_size,
        group_tokens=tuple(vision.num_group_tokens[:2]),
        groups=tuple(vision.num_output_groups[:2]),
        token_dims=(mixed, mixed, vision.hidden_size // 2),
        channel_dim=channels,
        projector_dim=config.projection_intermediate_dim,
        embed_dim=config.projection_dim,
    )
    causal = TextConfig(
        vocab_size=text.vocab_size,
        context_length=text.max_position_embeddings,
        width=text.hidden_size,
        layers=text.num_hidden_layers,
        heads=text.num_attention_heads,
        mlp_dim=text.intermediate_size,
        embed_dim=config.projection_dim,
        quick_gelu=text.hidden_act == "quick_gelu",
        eot=eot,
    )
    return image, causal


def _load_model(folder: Path, config: GroupViTConfig) -> tuple[GroupViTModel, dict[str, str]]:
    state, provenance = read_weights(folder, _WEIGHTS)
    state = {k: v for k, v in state.items() if not k.endswith(".position_ids")}  # 0, 1, 2, ...
    if "logit_scale" in state and state["logit_scale"].numel() == 1:
        state["logit_scale"] = state["logit_scale"].reshape(())
    try:
        model = GroupViTModel(config).eval()
    except Exception as error:  # sizes that do not go together
        raise ExportError(f"expected a GroupViTModel in {folder}, got: {reason(error)}") from error
    load_strictly(model, state, provenance["weights"])
    return model, provenance | {
        "architecture": "transformers GroupViTModel",
        "text_activation": config.text_config.hidden_act,
    }


def load_source(folder: Path, image_only: bool = False) -> Source:
    config = _read_config(folder / "config.json")
    preprocess = preprocess_of(folder, config.vision_config.image_size)
    text = config.text_config
    tokenizer, merges, end = None, b"", text.eos_token_id
    if not image_only:
        tokenizer, merges = load_tokenizer(folder, text.max_position_embeddings, text.vocab_size)
        end = tokenizer.eot_token_id
        require(
            text.eos_token_id in (end, _LEGACY_EOS),
            f"eos_token_id {end}, the tokenizer's end token, or {_LEGACY_EOS}, the legacy value,",
            text.eos_token_id,
            f"text_config of {folder / 'config.json'}",
        )
    progress(f"reading {folder.name}")
    model, provenance = _load_model(folder, config)
    image_config, text_config = _configs(config, end)
    with torch.device("meta"):  # shapes only; the tensors come from the model
        image = GroupVit(image_config)
        causal = ProjectedTextTransformer(text_config, config.projection_intermediate_dim)
    for tower, state in from_hf({"image": image, "text": causal}, model.state_dict()).items():
        module = image if tower == "image" else causal
        load_strictly(module, state, f"the {tower} tower of GroupViTModel")
    return Source(
        image=image.eval(),
        text=causal.eval(),
        image_config=image_config,
        text_config=text_config,
        logit_scale=float(model.logit_scale.detach().exp().clamp(max=_MAX_SCALE)),
        preprocess=preprocess,
        merges=merges,
        tokenizer=tokenizer,
        provenance=provenance,
    )


def parts_of(
    folder: Path,
    name: str,
    storage: str,
    licence: str,
    image_only: bool = False,
    background: Background = Background(),  # noqa: B008 (immutable)
) -> PackageParts:
    """A package of a folder of transformers' GroupViTModel."""
    source = load_source(folder, image_only)
    return groupvit.parts_of(source, name, storage, licence, image_only, background)
