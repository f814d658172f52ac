"""The names of a GroupViT's tensors: ours, NVlabs/GroupViT's and transformers'.

Ours decide: a tower's state dict is walked, and each tensor is looked up under the other name.
Both others store queries, keys and values of the vision blocks together (NVlabs) or apart
(transformers); NVlabs' projectors are convolutions of width 1, whose last size is dropped.
"""

import re

import torch
from torch import Tensor, nn

from .checkpoint import StateDict

_Rules = tuple[tuple[str, str], ...]

_PROJECTED = {"in_proj_weight": "weight", "in_proj_bias": "bias"}

_OFFICIAL_IMAGE: _Rules = (
    (r"^patch\.", "img_encoder.patch_embed.proj."),
    (r"^patch_norm\.", "img_encoder.patch_embed.norm."),
    (r"^positional_embedding$", "img_encoder.pos_embed"),
    (r"^group_token(\d)$", r"img_encoder.layers.\1.group_token"),
    (r"^mixer\.norm\.", "img_encoder.layers.1.group_projector.0."),
    (r"^mixer\.mlp\.", "img_encoder.layers.1.group_projector.1."),
    (r"^grouping(\d)\.", r"img_encoder.layers.\1.downsample."),
    (r"^stages\.(\d)\.resblocks\.(\d+)\.", r"img_encoder.layers.\1.blocks.\2."),
    (r"^norm\.", "img_encoder.norm."),
    (r"\.ln_(\d)\.", r".norm\1."),
    (r"\.attn\.in_proj_", ".attn.qkv."),
    (r"\.attn\.out_proj\.", ".attn.proj."),
    (r"\.c_fc\.", ".fc1."),
    (r"\.c_proj\.", ".fc2."),
    (r"^projector\.", "img_projector."),
)
_OFFICIAL_TEXT: _Rules = (
    (r"^projector\.", "text_projector."),
    (r"^(?!text_projector)", "text_encoder."),
)
_OFFICIAL_PROJECTOR: _Rules = (
    (r"projector\.hidden\.", "projector.linear_hidden.0."),
    (r"projector\.norm\.", "projector.linear_hidden.1."),
    (r"projector\.out\.", "projector.linear_out."),
)

_HF_BLOCK: _Rules = (
    (r"\.ln_(\d)\.", r".layer_norm\1."),
    (r"\.attn\.out_proj\.", ".self_attn.out_proj."),
    (r"\.c_fc\.", ".fc1."),
    (r"\.c_proj\.", ".fc2."),
)
_HF_IMAGE: _Rules = (
    (r"^patch\.", "vision_model.embeddings.patch_embeddings.projection."),
    (r"^patch_norm\.", "vision_model.embeddings.layernorm."),
    (r"^positional_embedding$", "vision_model.embeddings.position_embeddings"),
    (r"^group_token(\d)$", r"vision_model.encoder.stages.\1.group_token"),
    (r"^mixer\.norm\.", "vision_model.encoder.stages.1.group_projector.0."),
    (r"^mixer\.mlp\.", "vision_model.encoder.stages.1.group_projector.1."),
    (r"^grouping(\d)\.", r"vision_model.encoder.stages.\1.downsample."),
    (r"\.pre_assign_attn\.attn\.proj\.", ".pre_assign_attn.attn.out_proj."),
    (r"^norm\.", "vision_model.layernorm."),
    (r"^projector\.", "visual_projection."),
    (r"^stages\.(\d)\.resblocks\.(\d+)\.", r"vision_model.encoder.stages.\1.layers.\2."),
)
_HF_TEXT: _Rules = (
    (r"^token_embedding\.", "text_model.embeddings.token_embedding."),
    (r"^positional_embedding$", "text_model.embeddings.position_embedding.weight"),
    (r"^ln_final\.", "text_model.final_layer_norm."),
    (r"^projector\.", "text_projection."),
    (r"^transformer\.resblocks\.(\d+)\.", r"text_model.encoder.layers.\1."),
)
_HF_PROJECTOR: _Rules = (
    (r"_projection\.hidden\.", "_projection.0."),
    (r"_projection\.norm\.", "_projection.1."),
    (r"_projection\.out\.", "_projection.3."),
)

_HF = {"image": _HF_IMAGE, "text": _HF_TEXT}
_OFFICIAL = {"image": _OFFICIAL_IMAGE, "text": _OFFICIAL_TEXT}


def _renamed(name: str, rules: _Rules) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


def official_name(tower: str, name: str) -> str:
    """Of our `tower`'s ("image" or "text") tensor `name` in NVlabs/GroupViT's state dict."""
    return _renamed(name, _OFFICIAL[tower] + _OFFICIAL_PROJECTOR)


def hf_names(tower: str, name: str) -> list[str]:
    """In GroupViTModel's state dict; three of what is stored together here."""
    block, _, last = name.rpartition(".attn.")
    rules = _HF[tower] + _HF_PROJECTOR
    # Not the cross attention's output, which a rule of _HF_IMAGE names.
    if "pre_assign_attn" in name:
        rules += tuple(rule for rule in _HF_BLOCK if "out_proj" not in rule[0])
    else:
        rules += _HF_BLOCK
    if last in _PROJECTED:
        block = _renamed(f"{block}.", rules)
        return [f"{block}self_attn.{x}_proj.{_PROJECTED[last]}" for x in "qkv"]
    return [_renamed(name, rules)]


def official_shape(tower: str, name: str, shape: torch.Size) -> tuple[int, ...]:
    """Of a tensor in NVlabs/GroupViT's state dict."""
    convolution = re.search(r"^projector\.(hidden|out)\.weight$", name)
    return (*shape, 1) if convolution else tuple(shape)


def from_official(towers: dict[str, nn.Module], state: StateDict) -> dict[str, StateDict]:
    """State dicts of our towers; shapes are right already."""
    return {
        tower: {
            name: state[official_name(tower, name)].reshape(like.shape)
            for name, like in module.state_dict().items()
        }
        for tower, module in towers.items()
    }


def from_hf(towers: dict[str, nn.Module], state: StateDict) -> dict[str, StateDict]:
    def joined(tower: str, name: str) -> Tensor:
        parts = [state[n] for n in hf_names(tower, name)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    return {
        tower: {name: joined(tower, name) for name in module.state_dict()}
        for tower, module in towers.items()
    }


def to_hf(towers: dict[str, nn.Module]) -> StateDict:
    """What from_hf() takes apart again; views of the towers' tensors."""
    state: StateDict = {}
    for tower, module in towers.items():
        for name, tensor in module.state_dict().items():
            names = hf_names(tower, name)
            state |= dict(zip(names, tensor.chunk(len(names)), strict=True))
    return state
