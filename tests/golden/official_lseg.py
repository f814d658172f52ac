"""isl-org/lang-seg (bb00b21), imported without what its networks and its evaluation never call.

Its model files and its evaluation run as they are, on the CPU and in f32: `cuda` and `half` of a
tensor return it.  The networks are those of the code with smaller backbones, which are timm's and
torchvision's own classes.
"""

import importlib
import sys
import types
from pathlib import Path

import open_clip
import timm
import torch
from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck, ResNet

FEATURES, DIM = 12, 16
VIT_LEVELS, WIDTH = (8, 8, 12, 12), 24


def _module(name: str, **members) -> types.ModuleType:
    module = sys.modules.setdefault(name, types.ModuleType(name))
    for member, value in members.items():
        setattr(module, member, value)
    return module


class SmallResNet(ResNet):
    """torchvision's ResNet, a sixteenth as wide, with as many blocks as `layers` says."""

    def __init__(self, layers: tuple[int, ...], width: int = 4):
        nn.Module.__init__(self)
        self._norm_layer, self.inplanes, self.dilation = nn.BatchNorm2d, width, 1
        self.groups, self.base_width = 1, 64
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1, self.relu = nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        for i, blocks in enumerate(layers):
            stage = self._make_layer(Bottleneck, width << i, blocks, stride=2 if i else 1)
            setattr(self, f"layer{i + 1}", stage)


class Official:
    """The released code: `nets`, `nets_zs` (modules/models) and `models` (additional_utils)."""

    def __init__(self, repository: Path):
        self.tokenizer = None
        _module("pandas")
        _module("clip", load=None, tokenize=lambda texts: self.tokenizer(texts))
        Tensor.cuda = lambda self, *_, **__: self
        Tensor.half = lambda self: self
        sys.path.insert(0, str(repository))
        for name in ("modules", "modules.models", "additional_utils"):
            _module(name).__path__ = [str(repository / name.replace(".", "/"))]
        self.nets = importlib.import_module("modules.models.lseg_net")
        self.nets_zs = importlib.import_module("modules.models.lseg_net_zs")
        self.models = importlib.import_module("additional_utils.models")

    def _clip(self) -> nn.Module:
        """CLIP by open_clip, whose names are OpenAI's; encode_text is all that is called."""
        return open_clip.CLIP(
            embed_dim=DIM,
            quick_gelu=True,
            vision_cfg={
                "image_size": 32, "layers": 1, "width": 8, "patch_size": 16,
                "head_width": 8, "mlp_ratio": 1.0,
            },
            text_cfg={
                "context_length": 77, "vocab_size": self.tokenizer.vocab_size, "width": 32,
                "heads": 1, "layers": 1, "mlp_ratio": 4.0,
            },
        )  # fmt: skip

    def _vit(self, module: types.ModuleType, patch: int) -> tuple[nn.Module, nn.Module]:
        model = timm.models.VisionTransformer(
            img_size=3 * patch, patch_size=patch, embed_dim=WIDTH, depth=4, num_heads=2,
            mlp_ratio=2, num_classes=5,
        )  # fmt: skip
        make = getattr(module, f"_make_vit_b{patch}_backbone")
        backbone = make(
            model, features=list(VIT_LEVELS), hooks=[0, 1, 2, 3], vit_features=WIDTH,
            use_readout="project",
        )  # fmt: skip
        return self._clip(), backbone

    def net(self, backbone: str, labels: list[str], option: int, depth: int, activation: str):
        """LSegNet, or LSegRNNetZS for clip_resnet101, with small parts."""
        blocks, vit = (
            sys.modules[f"modules.models.lseg_{part}"] for part in ("blocks", "vit")
        )
        zs = sys.modules["modules.models.lseg_blocks_zs"]
        scratch = blocks._make_scratch
        blocks._make_pretrained_clip_vitl16_384 = lambda *_, **__: self._vit(vit, 16)
        blocks._make_pretrained_clip_vitb32_384 = lambda *_, **__: self._vit(vit, 32)
        zs._make_pretrained_clip_rn101 = lambda *_, **__: (
            self._clip(),
            sys.modules["modules.models.lseg_vit_zs"]._make_resnet_backbone(
                SmallResNet((1, 2, 1, 1))
            ),
        )
        levels = {"clip_resnet101": (16, 32, 64, 128)}.get(backbone, VIT_LEVELS)
        for module in (blocks, zs):
            module._make_scratch = lambda _, *rest, **options: scratch(levels, *rest, **options)
        options = {
            "backbone": backbone, "features": FEATURES, "arch_option": option,
            "block_depth": depth, "activation": activation,
        }  # fmt: skip
        if backbone == "clip_resnet101":
            net = self.nets_zs.LSegRNNetZS(labels, use_pretrained=False, **options)
        else:
            net = self.nets.LSegNet(labels, **options)
        blocks._make_scratch = zs._make_scratch = scratch
        net.scratch.head1 = nn.Conv2d(FEATURES, DIM, 1)  # 512 in the code
        net.out_c = DIM
        return net.eval()

    def released(self, backbone: str) -> nn.Module:
        """The network as it is released; its CLIP, which the image side does not use, is small."""
        names = {
            "clip_vitl16_384": ("blocks", "vit", "_make_pretrained_clip_vitl16_384"),
            "clip_vitb32_384": ("blocks", "vit", "_make_pretrained_clip_vitb32_384"),
            "clip_resnet101": ("blocks_zs", "vit_zs", "_make_pretrained_clip_rn101"),
        }
        blocks, vit, make = names[backbone]
        blocks, vit = (sys.modules[f"modules.models.lseg_{name}"] for name in (blocks, vit))
        sys.modules["clip"].load = lambda *_, **__: (self._clip(), None)
        untrained = getattr(vit, make)
        setattr(blocks, make, lambda _pretrained, **options: untrained(False, **options))
        if backbone == "clip_resnet101":
            return self.nets_zs.LSegRNNetZS(
                ["a"], use_pretrained=False, backbone=backbone, features=256, arch_option=0
            ).eval()
        return self.nets.LSegNet(["a"], backbone=backbone, features=256, arch_option=0).eval()


def randomise(model: nn.Module, seed: int) -> None:
    """Every parameter and statistic an f16 number, norms' scales and biases too."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith(("pos_embed", "cls_token")) or "embedding" in name:
                weight.normal_(0.0, 0.5, generator=generator)
            elif weight.ndim > 1:
                transposed = weight.ndim == 4 and "act_postprocess" in name and ".4." in name
                fan_in = weight.shape[0] if transposed else weight[0].numel()
                weight.normal_(0.0, fan_in**-0.5, generator=generator)
            else:
                mean = weight.mean().round().item()  # 1 of a norm's scale, 0 of a bias
                weight.copy_(mean + 0.2 * torch.randn(weight.shape, generator=generator))
        for name, statistic in model.named_buffers():
            if name.endswith("running_mean"):
                statistic.normal_(0.0, 0.2, generator=generator)
            elif name.endswith("running_var"):
                statistic.uniform_(0.5, 2.0, generator=generator)
        for tensor in model.state_dict().values():
            if tensor.is_floating_point() and tensor.ndim:
                tensor.copy_(tensor.to(torch.float16).float())
