"""CLIP from a checkpoint file of OpenAI: a TorchScript archive, or a plain state dict.

The weights are read as data (script_weights.py); the archive's code, which names a CUDA device and
half precision, is neither needed nor run.  The architecture follows from the tensors' shapes as in
openai/CLIP (clip/model.py, build_model), the preprocess from clip/clip.py, _transform.  All of
OpenAI's models use QuickGELU and heads of 64 channels.
"""

from math import isqrt
from pathlib import Path
from typing import Any

import open_clip
from open_clip.transform import PreprocessCfg

from .checkpoint import StateDict
from .clip import Source, load_weights
from .errors import ExportError, progress
from .package import digest
from .script_weights import read_checkpoint

_HEAD_WIDTH = 64
_MAX_LAYERS = 1000  # of a tower or stage; a file's names decide


def _shape(state: StateDict, name: str, dimensions: int) -> list[int]:
    if name not in state:
        raise ExportError(f"expected the tensor {name} of OpenAI's CLIP, got none of this name")
    shape = list(state[name].shape)
    if len(shape) != dimensions or 0 in shape:
        raise ExportError(f"expected {dimensions} dimensions of {name}, got the shape {shape}")
    return shape


def _count(state: StateDict, prefix: str) -> int:
    """Numbered modules under `prefix`; load_strictly names the gaps."""
    numbers = {k.removeprefix(prefix).split(".")[0] for k in state if k.startswith(prefix)}
    if not 1 <= len(numbers) <= _MAX_LAYERS:
        raise ExportError(
            f"expected 1 to {_MAX_LAYERS} modules named {prefix}N, got {len(numbers)}"
        )
    return len(numbers)


def _grid(state: StateDict, name: str) -> int:
    positions = _shape(state, name, 2)[0]
    grid = isqrt(positions - 1)
    if grid < 1 or grid * grid + 1 != positions:
        raise ExportError(
            f"expected a square grid and one more position in {name}, got {positions}"
        )
    return grid


def _heads(width: int, name: str) -> int:
    if width % _HEAD_WIDTH:
        raise ExportError(f"expected a multiple of {_HEAD_WIDTH} channels in {name}, got {width}")
    return width // _HEAD_WIDTH


def _vision(state: StateDict) -> dict[str, Any]:
    if "visual.proj" in state:
        width, _, patch, _ = _shape(state, "visual.conv1.weight", 4)
        _heads(width, "visual.conv1.weight")
        return {
            "image_size": patch * _grid(state, "visual.positional_embedding"),
            "layers": _count(state, "visual.transformer.resblocks."),
            "width": width,
            "patch_size": patch,
        }
    width = _shape(state, "visual.layer1.0.conv1.weight", 4)[0]
    _heads(width * 32, "visual.attnpool.k_proj.weight")
    return {
        "image_size": 32 * _grid(state, "visual.attnpool.positional_embedding"),
        "layers": [_count(state, f"visual.layer{stage}.") for stage in (1, 2, 3, 4)],
        "width": width,
        "patch_size": None,
    }


def architecture(state: StateDict) -> dict[str, Any]:
    """The model configuration, in open_clip's form, that the shapes of `state` tell."""
    vocabulary, width = _shape(state, "token_embedding.weight", 2)
    return {
        "embed_dim": _shape(state, "text_projection", 2)[1],
        "quick_gelu": True,
        "vision_cfg": _vision(state),
        "text_cfg": {
            "context_length": _shape(state, "positional_embedding", 2)[0],
            "vocab_size": vocabulary,
            "width": width,
            "heads": _heads(width, "token_embedding.weight"),
            "layers": _count(state, "transformer.resblocks."),
        },
    }


def load_source(path: Path) -> Source:
    """The model of one of OpenAI's checkpoint files, in f32, rebuilt as an open_clip model."""
    if not path.is_file():
        raise ExportError(f"expected a checkpoint of OpenAI's CLIP, got no file {path}")
    progress(f"reading {path.name}")
    state = read_checkpoint(path)
    config = architecture(state)
    model = open_clip.CLIP(**config).eval()
    load_weights(model, state, path.name)
    provenance = {
        "weights": path.name,
        "weights_sha256": digest(path),
        "architecture": "openai/CLIP, by the shapes of the weights",
    }
    return Source(model, config, PreprocessCfg(size=config["vision_cfg"]["image_size"]), provenance)
