"""python -m glint_export clip --arch ViT-B-32 --pretrained openai --out clip-vit-b-32.glint"""

import argparse
import json
import logging
import sys
import warnings
from pathlib import Path

from .errors import ExportError


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


_positive.__name__ = "positive integer"  # argparse names it in its message


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="glint_export", description="Turns a checkpoint into a verified glint package."
    )
    families = parser.add_subparsers(dest="family", required=True, metavar="FAMILY")
    clip = families.add_parser("clip", help="CLIP with a ViT image tower, by open_clip's names")
    clip.add_argument("--arch", required=True, help="open_clip architecture, such as ViT-B-32")
    weights = clip.add_mutually_exclusive_group(required=True)
    weights.add_argument(
        "--pretrained",
        metavar="TAG_OR_FILE",
        help="open_clip tag (downloaded) or local state dict (.pt, .bin, .safetensors)",
    )
    weights.add_argument(
        "--random", type=int, nargs="?", const=0, metavar="SEED", help="random weights"
    )
    activation = clip.add_mutually_exclusive_group()
    activation.add_argument(
        "--quick-gelu", action="store_true", default=None, help="x sigmoid(1.702 x) as activation"
    )
    activation.add_argument(
        "--gelu", dest="quick_gelu", action="store_false", default=None, help="GELU as activation"
    )
    clip.add_argument(
        "--image-size", type=_positive, metavar="N", help="pixels a side; resizes the positions"
    )
    clip.add_argument("--storage", choices=["f32", "f16"], default="f32", help="default: f32")
    clip.add_argument("--name", help="default: the output's name without .glint")
    clip.add_argument("--licence", help="licence of the weights: an SPDX expression or a sentence")
    clip.add_argument("--templates", type=Path, metavar="FILE", help="JSON array of prompts")
    clip.add_argument(
        "--reference-image",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="picture for the golden vectors instead of the drawn ones; repeatable",
    )
    clip.add_argument("--out", type=Path, required=True, metavar="NAME.glint")
    clip.add_argument("--force", action="store_true", help="replace an existing package")
    return parser


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ExportError(f"expected a readable file {path}, got: {error.strerror}") from error


def _read_templates(path: Path) -> list[str]:
    try:
        templates = json.loads(_read(path))
    except ValueError as error:
        raise ExportError(f"expected a JSON array of templates in {path}, got: {error}") from error
    if not isinstance(templates, list):
        raise ExportError(f"expected a JSON array of templates in {path}, got another value")
    return templates


def _licence(args: argparse.Namespace) -> str:
    if args.licence is not None:
        return args.licence
    if args.pretrained is None:
        return "Apache-2.0 (random weights, never trained)"
    return "Not stated; ask the publisher of the weights."


def _export_clip(args: argparse.Namespace) -> None:
    from . import __version__, clip  # torch and open_clip take seconds to import
    from .writer import check_target, write_package

    check_target(args.out, args.force)
    templates = _read_templates(args.templates) if args.templates else None
    pictures = {f"{i}-{path.name}": _read(path) for i, path in enumerate(args.reference_image)}
    source = clip.load_source(
        args.arch, args.pretrained, args.random or 0, args.quick_gelu, args.image_size
    )
    parts = clip.parts_of(source, args.name or args.out.stem, args.storage, _licence(args))
    parts.provenance["exporter"] = f"glint_export {__version__}"
    parts.pictures = pictures
    if templates is not None:
        parts.templates = templates
    write_package(args.out, parts, args.force)


def main(arguments: list[str] | None = None) -> int:
    """0 done, 1 failed with one sentence on stderr; argparse exits with 2 on wrong usage."""
    args = _parser().parse_args(arguments)
    logging.getLogger().setLevel(logging.ERROR)  # open_clip tells every step to the root logger
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    try:
        _export_clip(args)
    except ExportError as error:
        message = str(error)
    except OSError as error:
        message = f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
    else:
        return 0
    print(f"error: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
