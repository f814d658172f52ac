"""CLIP from a folder that transformers saves (CLIPModel, save_pretrained).

transformers' CLIPModel is the reference of the towers.  It splits what openai/CLIP packs, and names
it otherwise; _towers() maps it back.  The tokenizer comes from the folder, the preprocess from its
preprocessor configuration (hf_tokenizer.py, hf_preprocess.py).
"""

from pathlib import Path
from typing import Any

import torch
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor
from transformers import CLIPConfig, CLIPModel

from .checkpoint import StateDict, load_strictly, round_to_half
from .clip import activation_name
from .errors import ExportError, progress, reason
from .folders import read_json, read_weights, require
from .hf_preprocess import preprocess_of
from .hf_tokenizer import load_tokenizer
from .preprocess import transform
from .reference import Reference
from .towers import TextConfig, TextTransformer, VisionTransformer, VitConfig
from .parts import PackageParts

_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_ACTIVATIONS = {"quick_gelu": True, "gelu": False}  # to quick_gelu of the towers
_LEGACY_EOS = 2  # in configurations from before transformers 4.31; pools the largest id


def _read_config(path: Path) -> CLIPConfig:
    content = read_json(path)
    require(
        content.get("model_type") == "clip",
        "model_type clip",
        repr(content.get("model_type")),
        str(path),
    )
    try:
        config = CLIPConfig.from_dict(content)
    except Exception as error:  # transformers checks types and more
        raise ExportError(f"expected a CLIPConfig in {path}, got: {reason(error)}") from error
    for name in ("vision_config", "text_config"):
        part = getattr(config, name)
        where = f"{name} of {path}"
        require(
            part.hidden_act in _ACTIVATIONS,
            "hidden_act quick_gelu or gelu",
            repr(part.hidden_act),
            where,
        )
        require(part.layer_norm_eps == 1e-5, "layer_norm_eps 1e-05", part.layer_norm_eps, where)
    vision = config.vision_config
    for name in ("image_size", "patch_size"):
        value = getattr(vision, name)
        require(isinstance(value, int) and value > 0, f"an integer {name}", value, str(path))
    require(vision.num_channels == 3, "num_channels 3", vision.num_channels, str(path))
    return config


def _load_model(folder: Path, config: CLIPConfig) -> tuple[CLIPModel, dict[str, str]]:
    state, provenance = read_weights(folder, _WEIGHTS)
    state = {k: v for k, v in state.items() if not k.endswith(".position_ids")}  # 0, 1, 2, ...
    if "logit_scale" in state and state["logit_scale"].numel() == 1:
        state["logit_scale"] = state["logit_scale"].reshape(())
    model = CLIPModel(config).eval()
    load_strictly(model, state, provenance["weights"])
    provenance["architecture"] = "transformers CLIPModel"
    return model, provenance


def _block(state: StateDict, prefix: str) -> StateDict:
    """One transformer block under openai/CLIP's names."""
    out = {}
    for kind in ("weight", "bias"):
        qkv = [state[f"{prefix}self_attn.{x}_proj.{kind}"] for x in "qkv"]
        out[f"attn.in_proj_{kind}"] = torch.cat(qkv)
        out[f"attn.out_proj.{kind}"] = state[f"{prefix}self_attn.out_proj.{kind}"]
        for ours, theirs in (
            ("ln_1", "layer_norm1"),
            ("ln_2", "layer_norm2"),
            ("mlp.c_fc", "mlp.fc1"),
            ("mlp.c_proj", "mlp.fc2"),
        ):
            out[f"{ours}.{kind}"] = state[f"{prefix}{theirs}.{kind}"]
    return out


def _tower_state(
    state: StateDict, tower: str, layers: int, plain: dict[str, str], projection: tuple[str, str]
) -> StateDict:
    """A tower's tensors under openai/CLIP's names; `plain` maps ours to theirs under `tower`."""
    out = {ours: state[f"{tower}.{theirs}"] for ours, theirs in plain.items()}
    for i in range(layers):
        block = _block(state, f"{tower}.encoder.layers.{i}.")
        out |= {f"transformer.resblocks.{i}.{k}": v for k, v in block.items()}
    ours, theirs = projection
    out[ours] = state[theirs].T.contiguous()  # a Linear stores [out, in]
    return out


def _norm(ours: str, theirs: str) -> dict[str, str]:
    return {f"{ours}.{kind}": f"{theirs}.{kind}" for kind in ("weight", "bias")}


_VISION_NAMES = {
    "conv1.weight": "embeddings.patch_embedding.weight",
    "class_embedding": "embeddings.class_embedding",
    "positional_embedding": "embeddings.position_embedding.weight",
    **_norm("ln_pre", "pre_layrnorm"),  # spelled so
    **_norm("ln_post", "post_layernorm"),
}
_TEXT_NAMES = {
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    **_norm("ln_final", "final_layer_norm"),
}


def _towers(model: CLIPModel, eot: int) -> tuple[VisionTransformer, TextTransformer]:
    """The canonical towers of a CLIPModel."""
    config, state = model.config, model.state_dict()
    vision, text = config.vision_config, config.text_config
    vit = VitConfig(
        image_size=vision.image_size,
        patch_size=vision.patch_size,
        width=vision.hidden_size,
        layers=vision.num_hidden_layers,
        heads=vision.num_attention_heads,
        mlp_dim=vision.intermediate_size,
        embed_dim=config.projection_dim,
        quick_gelu=_ACTIVATIONS[vision.hidden_act],
    )
    causal = TextConfig(
        vocab_size=text.vocab_size,
        context_length=text.max_position_embeddings,
        width=text.hidden_size,
        layers=text.num_hidden_layers,
        heads=text.num_attention_heads,
        mlp_dim=text.intermediate_size,
        embed_dim=config.projection_dim,
        quick_gelu=_ACTIVATIONS[text.hidden_act],
        eot=eot,
    )
    with torch.device("meta"):  # shapes only; the tensors come from the model
        image_tower, text_tower = VisionTransformer(vit), TextTransformer(causal)
    image_state = _tower_state(
        state, "vision_model", vit.layers, _VISION_NAMES, ("proj", "visual_projection.weight")
    )
    text_state = _tower_state(
        state,
        "text_model",
        causal.layers,
        _TEXT_NAMES,
        ("text_projection", "text_projection.weight"),
    )
    load_strictly(image_tower, image_state, "the image tower of CLIPModel")
    load_strictly(text_tower, text_state, "the text tower of CLIPModel")
    return image_tower.eval(), text_tower.eval()


def _check_end_token(config: CLIPConfig, end: int, path: Path) -> None:
    """CLIPTextModel pools the first eos_token_id, or the first largest id when that is 2."""
    eos = config.text_config.eos_token_id
    require(
        eos in (end, _LEGACY_EOS),
        f"eos_token_id {end}, the tokenizer's end token, or {_LEGACY_EOS}, the legacy value,",
        eos,
        f"text_config of {path}",
    )


def _reference(
    model: CLIPModel, preprocess: dict[str, Any], tokenizer: SimpleTokenizer | None, scale: float
) -> Reference:
    def image(pixels: Tensor) -> Tensor:
        return model.get_image_features(pixels).pooler_output

    def text(ids: Tensor) -> Tensor:
        return model.get_text_features(ids).pooler_output

    return Reference(
        pixels=transform(preprocess),
        tokenizer=tokenizer,
        image=image,
        text=text,
        logit_scale=scale,
        logit_bias=0.0,
        libraries=("transformers",),
    )


def parts_of(
    folder: Path, name: str, storage: str, licence: str, image_only: bool = False
) -> PackageParts:
    """A package of a folder of transformers' CLIPModel."""
    config = _read_config(folder / "config.json")
    vision, text = config.vision_config, config.text_config
    preprocess = preprocess_of(folder, vision.image_size)
    tokenizer, merges = None, b""
    if not image_only:
        tokenizer, merges = load_tokenizer(folder, text.max_position_embeddings, text.vocab_size)
        _check_end_token(config, tokenizer.eot_token_id, folder / "config.json")
    progress(f"reading {folder.name}")
    model, provenance = _load_model(folder, config)
    scale = float(model.logit_scale.detach().exp())
    if storage == "f16":  # before the towers copy its weights
        round_to_half(model)
    image, text_tower = _towers(model, tokenizer.eot_token_id if tokenizer else 0)
    if text.hidden_act != vision.hidden_act:
        provenance["text_activation"] = text.hidden_act
    parts = PackageParts(
        name=name,
        image=image,
        text=text_tower,
        text_width=text.hidden_size,
        embed_dim=config.projection_dim,
        activation=activation_name(_ACTIVATIONS[vision.hidden_act]),
        preprocess=preprocess,
        merges=merges,
        reference=_reference(model, preprocess, tokenizer, scale),
        licence=licence,
        provenance=provenance,
        storage=storage,
    )
    return parts.image_only() if image_only else parts
