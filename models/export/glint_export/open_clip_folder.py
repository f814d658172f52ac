"""CLIP from a folder that open_clip publishes (push_to_hf_hub.py, save_for_hf).

open_clip_config.json holds the architecture and the preprocess; the weights lie beside it.  The
tokenizer files in such a folder are not needed: a supported architecture has CLIP's vocabulary.
"""

from pathlib import Path

import open_clip
from open_clip.transform import PreprocessCfg

from .clip import Source, load_weights, require_supported
from .errors import ExportError, progress, reason
from .folders import read_json, read_weights

_CONFIG = "open_clip_config.json"
_WEIGHTS = (  # in open_clip's order (factory.py, _find_checkpoint_in_dir)
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
)


def _check_config(path: Path) -> dict:
    content = read_json(path)
    for key in ("model_cfg", "preprocess_cfg"):
        if not isinstance(content.get(key), dict):
            raise ExportError(f"expected an object {key} in {path}, got none")
    config, preprocess = content["model_cfg"], content["preprocess_cfg"]
    for key in ("vision_cfg", "text_cfg"):
        if not isinstance(config.get(key), dict):
            raise ExportError(f"expected an object model_cfg.{key} in {path}, got none")
    for key in ("mean", "std"):  # open_clip falls back to OpenAI's
        if key not in preprocess:
            raise ExportError(f"expected preprocess_cfg.{key} in {path}, got none")
    config.setdefault("quick_gelu", False)
    require_supported(config, str(path))
    return config


def load_source(folder: Path) -> Source:
    """The open_clip model in `folder`, its preprocess as open_clip reads it."""
    config = _check_config(folder / _CONFIG)
    progress(f"reading {folder.name}")
    state, provenance = read_weights(folder, _WEIGHTS)
    extra = {"init_logit_bias": 0.0} if "logit_bias" in state else {}
    try:
        model = open_clip.create_model(f"local-dir:{folder}", load_weights=False, **extra).eval()
    except Exception as error:  # a configuration can be wrong in many ways
        raise ExportError(
            f"expected an architecture that open_clip builds in {folder / _CONFIG}, "
            f"got: {reason(error)}"
        ) from error
    load_weights(model, state, provenance["weights"])
    provenance["architecture"] = f"open_clip, by {_CONFIG}"
    return Source(model, config, PreprocessCfg(**model.visual.preprocess_cfg), provenance)
