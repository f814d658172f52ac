"""The packages of this folder as plain Python towers, through which gradients flow."""

from dataclasses import dataclass
from pathlib import Path

import torch
from glint_export.checkpoint import load_strictly
from glint_export.package import Package
from glint_export.towers import ConvImageEncoder, TextTransformer, VisionTransformer
from net import EMBED_DIM, STEM, TEXT, WIDTHS
from torch import nn
from vit import VIT


@dataclass(frozen=True)
class Base:
    """f32 towers with the values that the package stores, in evaluation mode and frozen."""

    package: Package
    image: ConvImageEncoder | VisionTransformer
    text: TextTransformer

    @property
    def name(self) -> str:
        return self.package.manifest["name"]

    @property
    def scale(self) -> float:
        return self.package.manifest["logit"]["scale"]


def _filled(tower: nn.Module, package: Package, name: str) -> nn.Module:
    load_strictly(tower, package.tower(name).state_dict(), f"{name} tower of {package.folder}")
    return tower.eval().requires_grad_(False)


def load_base(folder: Path) -> Base:
    """A package that export_clip.py or export_vit.py made; ExportError for any other."""
    package = Package(folder)
    convolutional = "stem.weight" in package.tower("image").state_dict()
    image = ConvImageEncoder(STEM, WIDTHS, EMBED_DIM) if convolutional else VisionTransformer(VIT)
    with torch.no_grad():
        return Base(
            package,
            _filled(image, package, "image"),
            _filled(TextTransformer(TEXT), package, "text"),
        )
