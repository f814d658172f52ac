"""Checkpoints of CLIP-family models to verified glint packages (models/package.md)."""

from .errors import ExportError
from .parts import ExtensionParts, PackageParts
from .reference import Reference
from .writer import write_extension, write_package

__version__ = "0.1.0"
__all__ = [
    "ExportError",
    "ExtensionParts",
    "PackageParts",
    "Reference",
    "write_extension",
    "write_package",
]
