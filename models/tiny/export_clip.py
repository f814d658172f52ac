"""Turns a checkpoint of train_clip.py into a package.

    python models/tiny/export_clip.py --checkpoint build/tiny-clip/checkpoint.pt \\
        --out models/tiny-clip.glint --reference-image cat.jpg --reference-image dog.jpg
    python models/tiny/export_clip.py --package models/tiny-clip.glint \\
        --out models/tiny-clip.glint --force

The reference of the package is the plain Python towers with the weights rounded to f16.  Before
that, the image tower with its folded normalisation is compared with the network as it was trained,
and the rounded one with the folded one.

The second form writes a package again with the towers' present methods: weights, pictures and
provenance stay, and its digest does not, so packages that extend it are to be exported again.
"""

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "export"))

import torch  # noqa: E402
from bases import load_base  # noqa: E402
from glint_export import ExportError, PackageParts, pictures, write_package  # noqa: E402
from glint_export.checkpoint import load_strictly, round_to_half  # noqa: E402
from glint_export.verify import relative_difference  # noqa: E402
from net import IMAGE_SIZE, TinyClip  # noqa: E402
from tiny_parts import exporter, parts_of_towers  # noqa: E402
from torch import Tensor, nn  # noqa: E402

FOLD_BOUND = 1e-5  # max abs difference / max abs value: another order of the same arithmetic
ROUND_BOUND = 2e-3  # f16 keeps 11 bits: a relative 5e-4 at most a weight


def load(path: Path) -> tuple[TinyClip, dict[str, str]]:
    """(the trained network, what the checkpoint says about itself)."""
    content = torch.load(path, map_location="cpu", weights_only=True)
    model = TinyClip()
    load_strictly(model, content["model"], path.name)
    about = {"epoch": str(content["epoch"]), "held_out_top1": f"{content['held_out']:.4f}"}
    return model.eval(), about


def _require_close(what: str, got: Tensor, expected: Tensor, bound: float) -> None:
    difference = relative_difference(got, expected)
    print(f"{what}: {difference:.1e}", file=sys.stderr)
    if not difference <= bound:
        raise ExportError(
            f"expected the {what} within {bound:g} (max abs difference / max abs value), "
            f"got {difference:.3g}"
        )


@torch.no_grad()
def towers(model: TinyClip) -> tuple[nn.Module, nn.Module]:
    """The canonical towers with f16 values."""
    pixels = pictures.noise(8, IMAGE_SIZE, IMAGE_SIZE)
    image, text = model.image.folded(), model.text
    trained, folded = model.image(pixels), image(pixels)
    _require_close("folded image tower against the trained one", folded, trained, FOLD_BOUND)
    round_to_half(image)
    round_to_half(text)
    _require_close("f16 image tower against the f32 one", image(pixels), folded, ROUND_BOUND)
    return image, text


def parts_of(checkpoint: Path, images: list[Path]) -> PackageParts:
    model, about = load(checkpoint)
    scale = float(model.log_scale.detach().exp())
    image, text = towers(model)
    provenance = {
        "weights": "models/tiny/train_clip.py",
        "exporter": exporter("export_clip.py"),
        **about,
    }
    files = {f"{i}-{path.name}": path.read_bytes() for i, path in enumerate(images)}
    return parts_of_towers("tiny-clip", image, text, scale, provenance, files)


def parts_of_package(folder: Path) -> PackageParts:
    """The package itself once more; a package's f16 weights are what it was made of."""
    base = load_base(folder)
    manifest = base.package.manifest
    provenance = {**manifest["provenance"], "exporter": exporter("export_clip.py")}
    files = {path: base.package.file(path).read_bytes() for path in manifest["reference"]["images"]}
    return parts_of_towers(base.name, base.image, base.text, base.scale, provenance, files)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--checkpoint", type=Path)
    source.add_argument("--package", type=Path, metavar="NAME.glint", help="write this one again")
    parser.add_argument("--out", type=Path, required=True, metavar="NAME.glint")
    parser.add_argument("--reference-image", type=Path, action="append", default=[], metavar="FILE")
    parser.add_argument("--force", action="store_true", help="replace an existing package")
    args = parser.parse_args()
    if args.package and args.reference_image:
        parser.error("argument --reference-image: not allowed with argument --package")
    try:
        if args.package:
            parts = parts_of_package(args.package)
        else:
            parts = parts_of(args.checkpoint, args.reference_image)
        write_package(args.out, parts, args.force)
    except (ExportError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
