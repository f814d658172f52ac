"""What the packages of this folder have in common."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import glint_export
from glint_export import ExportError, PackageParts, Reference, write_package
from glint_export.preprocess import to_manifest
from net import EMBED_DIM, IMAGE_SIZE, MEAN, STD, TEXT
from open_clip.tokenizer import SimpleTokenizer, default_bpe
from open_clip.transform import PreprocessCfg, image_transform_v2
from torch import nn

LICENCE = (
    "Apache-2.0 (weights trained on CIFAR-10 photos, Krizhevsky 2009; the photos are not included)"
)


def parts_of_towers(
    name: str,
    image: nn.Module,
    text: nn.Module,
    scale: float,
    provenance: dict[str, str],
    pictures: dict[str, bytes],
) -> PackageParts:
    """A package of towers whose weights are f16 values, with drawn pictures if there are none."""
    preprocess = PreprocessCfg(size=IMAGE_SIZE, mean=MEAN, std=STD)
    return PackageParts(
        name=name,
        image=image,
        text=text,
        text_width=TEXT.width,
        embed_dim=EMBED_DIM,
        activation="quick_gelu",  # of the transformers; convolutions use GELU
        preprocess=to_manifest(preprocess),
        merges=Path(default_bpe()).read_bytes(),
        reference=Reference(
            pixels=image_transform_v2(preprocess, is_train=False),
            tokenizer=SimpleTokenizer(context_length=TEXT.context_length),
            image=image,
            text=text,
            logit_scale=scale,
            logit_bias=0.0,
        ),
        licence=LICENCE,
        provenance=provenance,
        storage="f16",
        pictures=pictures,
    )


def exporter(script: str) -> str:
    return f"models/tiny/{script}, glint_export {glint_export.__version__}"


def export_command(doc: str, parts_of: Callable[[Path, Path], PackageParts]) -> int:
    """The command line of a script that makes a package of a checkpoint and the text tower of another
    package.  -> the exit code
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--text", type=Path, required=True, metavar="NAME.glint")
    parser.add_argument("--out", type=Path, required=True, metavar="NAME.glint")
    parser.add_argument("--force", action="store_true", help="replace an existing package")
    args = parser.parse_args()
    try:
        write_package(args.out, parts_of(args.checkpoint, args.text), args.force)
    except (ExportError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
