"""The names of an LSeg's tensors: ours, and those of isl-org/lang-seg's state dict.

Ours decide: a tower's state dict is walked, and each tensor is looked up under the other name.
"""

import re

from torch import Tensor, nn

from .checkpoint import StateDict

_Rules = tuple[tuple[str, str], ...]

_DECODER: _Rules = (
    (r"^decoder\.narrow(\d)\.", r"scratch.layer\1_rn."),
    (r"^decoder\.skip(\d)\.", r"scratch.refinenet\1.resConfUnit1."),
    (r"^decoder\.fusion(\d)\.unit\.", r"scratch.refinenet\1.resConfUnit2."),
    (r"^decoder\.fusion(\d)\.", r"scratch.refinenet\1."),
    (r"^decoder\.head\.", "scratch.head1."),
)
_VIT: _Rules = (
    (r"^backbone\.patch\.", "pretrained.model.patch_embed.proj."),
    (r"^backbone\.class_embedding$", "pretrained.model.cls_token"),
    (r"^backbone\.positional_embedding$", "pretrained.model.pos_embed"),
    (r"^backbone\.blocks\.", "pretrained.model.blocks."),
    (r"\.ln_(\d)\.", r".norm\1."),
    (r"\.attn\.in_proj_", ".attn.qkv."),
    (r"\.attn\.out_proj\.", ".attn.proj."),
    (r"\.c_fc\.", ".fc1."),
    (r"\.c_proj\.", ".fc2."),
    # Its parts 1 and 2 have no parameters.
    (r"\.readout\.", ".0.project.0."),
    (r"\.project\.(weight|bias)$", r".3.\1"),
    (r"\.resize\.", ".4."),
)
_RESNET: _Rules = (
    # Its first stage holds the stem, whose parts 2 and 3 have no parameters.
    (r"^backbone\.conv1\.", "pretrained.layer1.0."),
    (r"^backbone\.bn1\.", "pretrained.layer1.1."),
    (r"^backbone\.layer1\.", "pretrained.layer1.4."),
    (r"^backbone\.layer", "pretrained.layer"),
)
_REASSEMBLE = re.compile(r"^backbone\.reassemble\.(\d)\.")
_BEHIND = ("class_embedding", "positional_embedding")  # with sizes of 1 in front
HEAD_BLOCK = "scratch.head_block.depthwise.depthwise"
TEXT = "clip_pretrained."
# In every state dict, and no part of what LSeg computes.
_UNUSED = re.compile(
    r"pretrained\.model\.(norm|head|fc_norm)\.|scratch\.refinenet4\.resConfUnit1\."
    r"|clip_pretrained\.(visual\.|logit_scale$)|.*\.num_batches_tracked$"
)


def is_unused(name: str) -> bool:
    """Whether no map depends on a tensor of the state dict."""
    return _UNUSED.match(name) is not None


def official_name(tower: str, name: str) -> str:
    """Of our `tower`'s ("image" or "text") tensor `name`."""
    if tower == "text":
        return TEXT + name
    level = _REASSEMBLE.match(name)
    if level:
        name = _REASSEMBLE.sub(f"pretrained.act_postprocess{int(level[1]) + 1}.", name)
    resnet = re.match(r"backbone\.(conv1|bn1|layer\d)\.", name)
    for pattern, replacement in _DECODER + (_RESNET if resnet else _VIT):
        name = re.sub(pattern, replacement, name)
    return name


def official_shape(name: str, tensor: Tensor) -> tuple[int, ...]:
    if not name.startswith("backbone.") or not name.endswith(_BEHIND):
        return tuple(tensor.shape)
    return (1, *tensor.shape) if tensor.ndim == 2 else (1, 1, *tensor.shape)


def from_official(towers: dict[str, nn.Module], state: StateDict) -> dict[str, StateDict]:
    """State dicts of our towers; shapes are right already."""
    return {
        tower: {
            name: state[official_name(tower, name)].reshape(like.shape)
            for name, like in module.state_dict().items()
        }
        for tower, module in towers.items()
    }
