"""python -m glint_export clip --arch ViT-B-32 --pretrained openai --out clip-vit-b-32.glint"""

import argparse
import logging
import signal
import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .adapters.command import add_families
from .errors import ExportError

if TYPE_CHECKING:
    from .groupvit import Background
    from .parts import PackageParts

_EXAMPLES = """examples:
  glint_export clip --arch ViT-B-32 --pretrained laion2b_s34b_b79k --out clip.glint
  glint_export clip --openai ViT-B-32.pt --storage f16 --out clip.glint
  glint_export clip --arch RN50 --random 7 --out random.glint
  glint_export open_clip --folder DIR --out clip.glint
  glint_export hf --folder DIR --image-only --out clip.glint
  glint_export groupvit --checkpoint group_vit_gcc_yfcc_30e.pth --out groupvit.glint
  glint_export lseg --checkpoint lseg_ade20k_l16.ckpt --storage f16 --out lseg.glint
  glint_export coop --checkpoint output/prompt_learner --base clip.glint --out pets.glint

Weights are read as data (weights_only, safetensors); no code of a checkpoint runs."""


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


_positive.__name__ = "positive integer"  # argparse names it in its message


def _output() -> argparse.ArgumentParser:
    """The options of every package."""
    output = argparse.ArgumentParser(add_help=False)
    package = output.add_argument_group("the package")
    package.add_argument("--name", help="default: the output's name without .glint")
    package.add_argument(
        "--licence", help="licence of the weights: an SPDX expression or a sentence"
    )
    package.add_argument("--out", type=Path, required=True, metavar="NAME.glint")
    package.add_argument("--force", action="store_true", help="replace an existing package")
    return output


def _common(output: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The options of every package with towers of its own."""
    common = argparse.ArgumentParser(add_help=False, parents=[output])
    package = common.add_argument_group("the towers")
    package.add_argument("--storage", choices=["f32", "f16"], default="f32", help="default: f32")
    package.add_argument(
        "--image-only", action="store_true", help="leave out the text tower and the tokenizer"
    )
    package.add_argument("--templates", type=Path, metavar="FILE", help="JSON array of prompts")
    package.add_argument(
        "--reference-image",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="picture for the golden vectors instead of the drawn ones; repeatable",
    )
    return common


def _add_clip(families, common: argparse.ArgumentParser) -> None:
    text = "CLIP with a ViT or ResNet image tower, by open_clip's names or from OpenAI's files"
    clip = families.add_parser("clip", parents=[common], help=text, description=text + ".")
    clip.add_argument("--arch", help="open_clip architecture, such as ViT-B-32 or RN50")
    weights = clip.add_mutually_exclusive_group(required=True)
    weights.add_argument(
        "--pretrained",
        metavar="TAG_OR_FILE",
        help="open_clip tag (downloaded) or local state dict (.pt, .bin, .safetensors)",
    )
    weights.add_argument(
        "--openai", type=Path, metavar="FILE.pt", help="checkpoint of OpenAI; needs no --arch"
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
    clip.set_defaults(parts=partial(_with_files, _clip_parts))


def _add_groupvit(families, common: argparse.ArgumentParser) -> None:
    text = "GroupViT, from a checkpoint of NVlabs/GroupViT"
    groupvit = families.add_parser(
        "groupvit",
        parents=[common],
        help=text,
        description=text + "; a folder of transformers' GroupViTModel is read by hf.",
    )
    weights = groupvit.add_mutually_exclusive_group(required=True)
    weights.add_argument("--checkpoint", type=Path, metavar="FILE.pth")
    weights.add_argument(
        "--random",
        type=int,
        nargs="?",
        const=0,
        metavar="SEED",
        help="the released shape, random weights",
    )
    groupvit.add_argument(
        "--heads", type=_positive, metavar="N", help="of the image tower; default: 64 numbers each"
    )
    _add_background(groupvit)
    groupvit.set_defaults(parts=partial(_with_files, _groupvit_parts))


def _add_lseg(families, common: argparse.ArgumentParser) -> None:
    text = "LSeg, from a checkpoint of isl-org/lang-seg"
    lseg = families.add_parser("lseg", parents=[common], help=text, description=text + ".")
    weights = lseg.add_mutually_exclusive_group(required=True)
    weights.add_argument("--checkpoint", type=Path, metavar="FILE.ckpt")
    weights.add_argument(
        "--random", type=int, nargs="?", const=0, metavar="SEED", help="random weights"
    )
    lseg.add_argument(
        "--arch",
        choices=["clip_vitl16_384", "clip_vitb32_384", "clip_resnet101"],
        help="the released shape of random weights; a checkpoint's shapes tell its own",
    )
    lseg.add_argument(
        "--heads", type=_positive, metavar="N", help="of the image tower; default: 64 numbers each"
    )
    block = lseg.add_argument_group("the block behind the logits, as training was told")
    block.add_argument(
        "--arch-option", type=int, choices=[0, 1, 2], default=0, help="default: 0, no block"
    )
    block.add_argument(
        "--block-depth", type=int, default=0, metavar="N", help="how often it runs; default: 0"
    )
    block.add_argument(
        "--activation", choices=["relu", "lrelu", "tanh"], default="lrelu", help="default: lrelu"
    )
    lseg.set_defaults(parts=partial(_with_files, _lseg_parts))


def _add_background(parser: argparse.ArgumentParser) -> None:
    segmentation = parser.add_argument_group("segmentation with GroupViT")
    segmentation.add_argument(
        "--background",
        default="background",
        metavar="LABEL",
        help="the label for what no group is sure of; '' for none (default: background)",
    )
    segmentation.add_argument(
        "--background-threshold",
        type=float,
        default=0.95,
        metavar="T",
        help="how sure a group must be (default: 0.95, as for VOC and COCO; 0.35 for Context)",
    )


def _add_folder(
    families, common: argparse.ArgumentParser, name: str, text: str, parts
) -> argparse.ArgumentParser:
    family = families.add_parser(name, parents=[common], help=text, description=text + ".")
    family.add_argument("--folder", type=Path, required=True, metavar="DIR")
    family.set_defaults(parts=partial(_with_files, parts))
    return family


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="glint_export",
        description="Turns a checkpoint into a verified glint package.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    families = parser.add_subparsers(dest="family", required=True, metavar="FAMILY")
    output = _output()
    common = _common(output)
    _add_clip(families, common)
    _add_groupvit(families, common)
    _add_lseg(families, common)
    text = "a folder of transformers' CLIPModel or GroupViTModel"
    _add_background(_add_folder(families, common, "hf", text, _hf_parts))
    _add_folder(
        families, common, "open_clip", "a folder as open_clip publishes them", _open_clip_parts
    )
    add_families(families, output)
    return parser


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ExportError(f"expected a readable file {path}, got: {error.strerror}") from error


def _licence(args: argparse.Namespace) -> str:
    if args.licence is not None:
        return args.licence
    if getattr(args, "random", None) is not None:
        return "Apache-2.0 (random weights, never trained)"
    return "Not stated; ask the publisher of the weights."


def _package(args: argparse.Namespace) -> tuple[str, str, str, bool]:
    """(name, storage, licence, image_only)."""
    return args.name or args.out.stem, args.storage, args.licence, args.image_only


def _with_files(parts: Callable[..., "PackageParts"], args: argparse.Namespace) -> "PackageParts":
    """The family's parts, with the templates and pictures that were asked for."""
    from .folders import read_strings

    templates = read_strings(args.templates, "templates") if args.templates else None
    pictures = {f"{i}-{path.name}": _read(path) for i, path in enumerate(args.reference_image)}
    made = parts(args)
    if pictures:
        made.pictures = pictures
    if templates is not None:
        made.templates = templates
    return made


def _clip_parts(args: argparse.Namespace) -> "PackageParts":
    from . import clip, openai

    if args.openai is not None:
        source = openai.load_source(args.openai)
    else:
        source = clip.load_source(
            args.arch, args.pretrained, args.random or 0, args.quick_gelu, args.image_size
        )
    return clip.parts_of(source, *_package(args))


def _hf_parts(args: argparse.Namespace) -> "PackageParts":
    from . import hf, hf_groupvit

    if hf_groupvit.is_groupvit(args.folder):
        return hf_groupvit.parts_of(args.folder, *_package(args), _background(args))
    return hf.parts_of(args.folder, *_package(args))


def _groupvit_parts(args: argparse.Namespace) -> "PackageParts":
    from . import groupvit, groupvit_checkpoint

    if args.checkpoint is not None:
        source = groupvit_checkpoint.load_source(args.checkpoint, args.heads)
    else:
        source = groupvit_checkpoint.random_source(args.random)
    return groupvit.parts_of(source, *_package(args), _background(args))


def _lseg_parts(args: argparse.Namespace) -> "PackageParts":
    from . import lseg, lseg_checkpoint

    blocks = lseg.Blocks(args.arch_option, args.block_depth, args.activation)
    if args.checkpoint is not None:
        source = lseg_checkpoint.load_source(args.checkpoint, args.heads, blocks)
    else:
        source = lseg_checkpoint.random_source(args.random, args.arch, blocks)
    return lseg.parts_of(source, *_package(args))


def _background(args: argparse.Namespace) -> "Background":
    from .groupvit import Background

    return Background(args.background, args.background_threshold)


def _open_clip_parts(args: argparse.Namespace) -> "PackageParts":
    from . import clip, open_clip_folder

    return clip.parts_of(open_clip_folder.load_source(args.folder), *_package(args))


def _export(args: argparse.Namespace) -> None:
    from . import ExtensionParts, __version__  # torch and open_clip take seconds to import
    from .writer import check_target, write_extension, write_package

    check_target(args.out, args.force)
    args.licence = _licence(args)
    parts = args.parts(args)
    parts.provenance["exporter"] = f"glint_export {__version__}"
    if isinstance(parts, ExtensionParts):
        write_extension(args.out, parts, args.force)
    else:
        write_package(args.out, parts, args.force)


def _check_usage(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """What argparse cannot say."""
    if "background_threshold" in args and not 0 <= args.background_threshold <= 1:
        parser.error("argument --background-threshold: expected a number from 0 to 1")
    if "heads" in args and args.heads is not None and args.checkpoint is None:
        parser.error("argument --heads: not allowed with argument --random")
    if args.family == "lseg":
        _check_lseg(parser, args)
    if "image_only" in args and args.image_only and args.templates:
        parser.error("argument --templates: not allowed with argument --image-only")
    if args.family != "clip":
        return
    if args.openai is None and args.arch is None:
        parser.error("argument --arch: required with --pretrained and --random")
    if args.openai is not None:
        for name in ("arch", "quick_gelu", "image_size"):
            if getattr(args, name) is not None:
                parser.error(f"argument --openai: the file decides --{name.replace('_', '-')}")


def _check_lseg(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    if args.random is not None and args.arch is None:
        parser.error("argument --arch: required with --random")
    if args.checkpoint is not None and args.arch is not None:
        parser.error("argument --checkpoint: the file decides --arch")
    if not 0 <= args.block_depth <= 64:
        parser.error("argument --block-depth: expected a number from 0 to 64")
    if args.templates:
        parser.error("argument --templates: LSeg's prompt is the bare label")


class _Stopped(BaseException):
    """SIGINT or SIGTERM; unwinds the stack, so that half a package is taken away again."""


def _stop(number: int, _frame) -> None:
    raise _Stopped(number)


def main(arguments: list[str] | None = None) -> int:
    """0 done, 1 failed with one sentence on stderr, 128 + n stopped by signal n.

    argparse exits with 2 on wrong usage.
    """
    parser = _parser()
    args = parser.parse_args(arguments)
    _check_usage(parser, args)
    logging.getLogger().setLevel(logging.ERROR)  # open_clip tells every step to the root logger
    for library in ("huggingface_hub", "transformers"):
        logging.getLogger(library).setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    before = {n: signal.signal(n, _stop) for n in (signal.SIGINT, signal.SIGTERM)}
    code = 1
    try:
        _export(args)
    except ExportError as error:
        message = str(error)
    except OSError as error:
        message = f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
    except _Stopped as stopped:
        message, code = "interrupted; nothing was written", 128 + stopped.args[0]
    else:
        return 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    print(f"error: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
