"""Canonical towers: one file an architecture, shared by every family."""

from .conv import ConvImageEncoder
from .resnet import ModifiedResNet, ResnetConfig
from .text import TextConfig, TextTransformer
from .vit import VisionTransformer, VitConfig

__all__ = [
    "ConvImageEncoder",
    "ModifiedResNet",
    "ResnetConfig",
    "TextConfig",
    "TextTransformer",
    "VisionTransformer",
    "VitConfig",
]
