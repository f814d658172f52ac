"""Canonical towers: one file an architecture, shared by every family."""

from .conv import ConvImageEncoder
from .text import TextConfig, TextTransformer
from .vit import VisionTransformer, VitConfig

__all__ = ["ConvImageEncoder", "TextConfig", "TextTransformer", "VisionTransformer", "VitConfig"]
