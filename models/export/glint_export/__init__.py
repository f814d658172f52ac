"""Checkpoints of CLIP-family models to verified glint packages (models/package.md)."""

from .errors import ExportError
from .reference import Reference
from .writer import ExtensionParts, PackageParts, write_extension, write_package

__version__ = "0.1.0"
__all__ = [
    "ExportError",
    "ExtensionParts",
    "PackageParts",
    "Reference",
    "write_extension",
    "write_package",
]
