"""NVlabs/GroupViT (13b7861) and mmsegmentation 0.18.0, imported without what they need elsewhere.

Neither installs beside today's torch: mmcv 1.x has to be compiled.  The model files and the two
files of inference run as they are; only names that inference never calls, and a registry of
classes, are stood in for.  einops, timm and omegaconf are the real ones.
"""

import importlib
import importlib.util
import sys
import types
from pathlib import Path

import torch
from torch import nn


def _module(name: str, **members) -> types.ModuleType:
    module = sys.modules.setdefault(name, types.ModuleType(name))
    for member, value in members.items():
        setattr(module, member, value)
    module.__path__ = []
    return module


class Registry:
    """mmcv.utils.Registry, as far as models/builder.py uses it."""

    def __init__(self, _name: str):
        self.kinds = {}

    def register_module(self, *_, **__):
        def register(kind):
            self.kinds[kind.__name__] = kind
            return kind

        return register

    def build(self, config: dict):
        config = dict(config)
        return self.kinds[config.pop("type")](**config)


class Config(dict):
    """mmcv.Config: keys are attributes, too."""

    __getattr__ = dict.__getitem__


def stub_imports() -> None:
    _module("diffdist")
    _module("diffdist.functional", all_gather=None)
    _module("mmcv", Config=Config)
    _module("mmcv.utils", Registry=Registry)
    _module("matplotlib")
    _module("matplotlib.pyplot")
    _module("utils", get_logger=lambda: types.SimpleNamespace(info=lambda *_: None))
    _module("mmseg")
    _module("mmseg.core", add_prefix=None)
    _module("mmseg.models", builder=None)
    _module("mmseg.models.builder", SEGMENTORS=Registry("segmentor"))
    _module("mmseg.models.segmentors")
    _module("mmseg.models.segmentors.base", BaseSegmentor=nn.Module)


def _load(name: str, path: Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


class Official:
    """The released code: `models` (its package), `seg` (segmentation/evaluation/group_vit_seg.py).

    groupvit: a checkout; mmseg: the folder `mmseg` of an unpacked mmsegmentation 0.18.0.
    """

    def __init__(self, groupvit: Path, mmseg: Path):
        stub_imports()
        sys.path.insert(0, str(groupvit))
        self.models = importlib.import_module("models")
        _load("mmseg.ops", mmseg / "ops" / "wrappers.py")
        file = mmseg / "models" / "segmentors" / "encoder_decoder.py"
        decoder = _load("mmseg.models.segmentors.encoder_decoder", file)
        sys.modules["mmseg.models"].EncoderDecoder = decoder.EncoderDecoder
        path = groupvit / "segmentation" / "evaluation" / "group_vit_seg.py"
        self.seg = _load("group_vit_seg", path)

    def model(self, image: dict, text: dict, output_dim: int, projector_dim: int) -> nn.Module:
        """MultiLabelContrastive; its projectors' hidden size is not part of its configuration."""
        contrastive = importlib.import_module("models.multi_label_contrastive")
        defaults = contrastive.ProjectMLP.__init__.__defaults__
        contrastive.ProjectMLP.__init__.__defaults__ = (defaults[0], projector_dim, *defaults[2:])
        try:
            registry = importlib.import_module("models.builder").MODELS
            return registry.build(
                {
                    "type": "MultiLabelContrastive",
                    "img_encoder": {"type": "GroupViT"} | image,
                    "text_encoder": {"type": "TextTransformer"} | text,
                    "output_dim": output_dim,
                    "multi_label": 3,
                }
            ).eval()
        finally:
            contrastive.ProjectMLP.__init__.__defaults__ = defaults


def randomise(model: nn.Module, generator: torch.Generator) -> None:
    """Every parameter and statistic, norms' scales, biases and group tokens too."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "pos_embed" in name or "group_token" in name or "embedding" in name:
                weight.normal_(0.0, 0.5, generator=generator)
            elif name.endswith("logit_scale"):
                weight.fill_(3.0)
            elif weight.ndim > 1:
                weight.normal_(0.0, weight[0].numel() ** -0.5, generator=generator)
            else:
                mean = weight.mean().round().item()  # 1 of a norm's scale, 0 of a bias
                noise = torch.randn(weight.shape, generator=generator)
                weight.copy_(mean + 0.2 * noise)
        for name, statistic in model.named_buffers():
            if name.endswith("running_mean"):
                statistic.normal_(0.0, 0.2, generator=generator)
            elif name.endswith("running_var"):
                statistic.uniform_(0.5, 2.0, generator=generator)
