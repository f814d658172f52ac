"""Canonical towers: one file an architecture, shared by every family."""

from .conv import ConvImageEncoder
from .groupvit import GroupVit, GroupVitConfig, ProjectedTextTransformer
from .lseg import LsegImage
from .lseg_backbones import LsegConfig, LsegConvConfig, LsegResnetConfig, LsegVitConfig
from .resnet import ModifiedResNet, ResnetConfig
from .text import TextConfig, TextTransformer
from .vit import VisionTransformer, VitConfig

__all__ = [
    "ConvImageEncoder",
    "GroupVit",
    "GroupVitConfig",
    "LsegConfig",
    "LsegConvConfig",
    "LsegImage",
    "LsegResnetConfig",
    "LsegVitConfig",
    "ModifiedResNet",
    "ProjectedTextTransformer",
    "ResnetConfig",
    "TextConfig",
    "TextTransformer",
    "VisionTransformer",
    "VitConfig",
]
