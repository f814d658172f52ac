"""The families of python -m glint_export that read adapters of a base."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..parts import ExtensionParts

_WORDS = "a photo of a"  # of the released configurations
_RATIO = 0.2  # written into CLIP-Adapter's code


def _add(families: Any, parents: list, name: str, text: str, parts: Any) -> argparse.ArgumentParser:
    family = families.add_parser(name, parents=parents, help=text, description=text + ".")
    family.set_defaults(parts=parts)
    return family


def _common(networks: str) -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--checkpoint", type=Path, required=True, metavar="PATH", help=networks)
    common.add_argument(
        "--base", type=Path, required=True, metavar="BASE.glint", help="what it was trained with"
    )
    return common


def _add_classes(family: argparse.ArgumentParser, required: bool, text: str) -> None:
    family.add_argument("--classes", type=Path, required=required, metavar="FILE", help=text)


def _add_templates(family: argparse.ArgumentParser) -> None:
    family.add_argument(
        "--templates",
        type=Path,
        metavar="FILE",
        help="JSON array of the prompts it was trained with; default: a photo of a {}.",
    )


def _add_tip_adapter(families: Any, output: argparse.ArgumentParser) -> None:
    parents = [_common("folder with keys_SHOTSshots.pt and values_SHOTSshots.pt"), output]
    text = "Tip-Adapter's cache files"
    tip = _add(families, parents, "tip-adapter", text, _tip_adapter)
    _add_classes(tip, True, "JSON array of the names, in the order of the labels")
    _add_templates(tip)
    tip.add_argument("--shots", type=int, metavar="S", help="which of the folder's caches")
    tip.add_argument("--fine-tuned", action="store_true", help="keys of best_F_SHOTSshots.pt")
    tip.add_argument("--alpha", type=float, required=True, help="weight of the cache")
    tip.add_argument("--beta", type=float, required=True, help="its sharpness")


def add_families(families: Any, output: argparse.ArgumentParser) -> None:
    """output: the options of every package."""
    parents = [_common("a file of Dassl, its folder, or the folder above"), output]
    names = "JSON array of the classes it was trained with: they are checked, and are the default"
    coop = _add(families, parents, "coop", "CoOp's checkpoints", _coop)
    _add_classes(coop, False, names + "; needed for a context of each class")
    coop.add_argument(
        "--class-token-position",
        choices=["end", "middle", "front"],
        default="end",
        help="as in training, for the file does not say; default: end",
    )
    cocoop = _add(families, parents, "cocoop", "CoCoOp's checkpoints", _cocoop)
    _add_classes(cocoop, False, names)
    maple = _add(families, parents, "maple", "checkpoints of MaPLe, IVLP and VPT", _maple)
    _add_classes(maple, False, names)
    maple.add_argument(
        "--ctx-init",
        default=_WORDS,
        metavar="WORDS",
        help=f'words that the prompts started from, "" for none; default: {_WORDS}',
    )
    adapter = _add(families, parents, "clip-adapter", "CLIP-Adapter's checkpoints", _clip_adapter)
    _add_classes(adapter, False, "JSON array of default labels")
    _add_templates(adapter)
    adapter.add_argument(
        "--ratio",
        type=float,
        default=_RATIO,
        help=f"share of the adapter, as in training; default: {_RATIO}",
    )
    _add_tip_adapter(families, output)


def _start(args: argparse.Namespace) -> tuple[Any, Any]:
    """(base, what the package says of itself)."""
    from ..folders import read_strings
    from .base import About, Base

    classes = read_strings(args.classes, "classes") if args.classes else []
    about = About(args.name or args.out.stem, args.licence, {"method": args.family}, classes)
    return Base(args.base), about


def _templates(args: argparse.Namespace) -> list[str]:
    from ..folders import read_strings
    from ..parts import DEFAULT_TEMPLATES

    return read_strings(args.templates, "templates") if args.templates else DEFAULT_TEMPLATES


def _coop(args: argparse.Namespace) -> "ExtensionParts":
    from . import coop

    return coop.read(*_start(args), args.checkpoint, args.class_token_position)


def _cocoop(args: argparse.Namespace) -> "ExtensionParts":
    from . import cocoop

    return cocoop.read(*_start(args), args.checkpoint)


def _maple(args: argparse.Namespace) -> "ExtensionParts":
    from . import maple

    return maple.read(*_start(args), args.checkpoint, args.ctx_init)


def _clip_adapter(args: argparse.Namespace) -> "ExtensionParts":
    from . import clip_adapter

    return clip_adapter.read(*_start(args), args.checkpoint, args.ratio, _templates(args))


def _tip_adapter(args: argparse.Namespace) -> "ExtensionParts":
    from . import tip_adapter

    numbers = (args.alpha, args.beta)
    cache = (args.checkpoint, args.shots, args.fine_tuned)
    return tip_adapter.read(*_start(args), *cache, numbers, _templates(args))
