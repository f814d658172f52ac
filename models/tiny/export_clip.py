"""Turns a checkpoint of train_clip.py into a package.

    python models/tiny/export_clip.py --checkpoint build/tiny-clip/checkpoint.pt \\
        --out models/tiny-clip.glint --reference-image cat.jpg --reference-image dog.jpg

The reference of the package is the plain Python towers with the weights rounded to f16.  Before
that, the image tower with its folded normalisation is compared with the network as it was trained,
and the rounded one with the folded one.
"""

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "export"))

import glint_export  # noqa: E402
import torch  # noqa: E402
from glint_export import ExportError, PackageParts, Reference, pictures, write_package  # noqa: E402
from glint_export.checkpoint import load_strictly, round_to_half  # noqa: E402
from glint_export.preprocess import to_manifest  # noqa: E402
from glint_export.verify import relative_difference  # noqa: E402
from net import EMBED_DIM, IMAGE_SIZE, MEAN, STD, TEXT, TinyClip  # noqa: E402
from open_clip.tokenizer import SimpleTokenizer, default_bpe  # noqa: E402
from open_clip.transform import PreprocessCfg, image_transform_v2  # noqa: E402
from torch import Tensor, nn  # noqa: E402

LICENCE = (
    "Apache-2.0 (weights trained on CIFAR-10 photos, Krizhevsky 2009; the photos are not included)"
)
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
    preprocess = PreprocessCfg(size=IMAGE_SIZE, mean=MEAN, std=STD)
    return PackageParts(
        name="tiny-clip",
        image=image,
        text=text,
        text_width=TEXT.width,
        embed_dim=EMBED_DIM,
        activation="quick_gelu",  # of the text tower; the convolutions use GELU
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
        provenance={
            "weights": "models/tiny/train_clip.py",
            "exporter": f"models/tiny/export_clip.py, glint_export {glint_export.__version__}",
            **about,
        },
        storage="f16",
        pictures={f"{i}-{path.name}": path.read_bytes() for i, path in enumerate(images)},
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, metavar="NAME.glint")
    parser.add_argument("--reference-image", type=Path, action="append", default=[], metavar="FILE")
    parser.add_argument("--force", action="store_true", help="replace an existing package")
    args = parser.parse_args()
    try:
        write_package(args.out, parts_of(args.checkpoint, args.reference_image), args.force)
    except (ExportError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
