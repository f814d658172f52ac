"""Turns a checkpoint of train_groupvit.py into a package, with the text tower of another.

    python models/tiny/export_groupvit.py --checkpoint build/tiny-groupvit/checkpoint.pt \\
        --text models/tiny-clip.glint --out models/tiny-groupvit.glint

The reference of the image tower is transformers' GroupViTModel with the weights rounded to f16, that
of the text tower the plain Python module.
"""

import argparse
import dataclasses
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "export")]

import torch  # noqa: E402
from bases import Base, load_base  # noqa: E402
from glint_export import ExportError, PackageParts, groupvit, write_package  # noqa: E402
from glint_export.checkpoint import load_strictly  # noqa: E402
from glint_export.preprocess import to_manifest  # noqa: E402
from glint_export.towers import GroupVit  # noqa: E402
from groupvit_net import GROUPVIT, SIDE  # noqa: E402
from net import MEAN, STD, TEXT  # noqa: E402
from open_clip.tokenizer import SimpleTokenizer, default_bpe  # noqa: E402
from open_clip.transform import PreprocessCfg  # noqa: E402
from tiny_parts import LICENCE, exporter  # noqa: E402

CLASSIFIED = 48  # pixels a side of a picture that shows one thing alone
SCENE = 96  # pixels of a scene's shorter side; a window has SIDE of them


def source_of(content: dict, name: str) -> groupvit.Source:
    image = GroupVit(GROUPVIT)
    load_strictly(image, content["tower"], name)
    preprocess = PreprocessCfg(size=CLASSIFIED, mean=MEAN, std=STD)
    return groupvit.Source(
        image=image.eval(),
        text=None,
        image_config=GROUPVIT,
        text_config=TEXT,
        logit_scale=float(content["log_scale"].exp().clamp(max=100)),
        preprocess=to_manifest(preprocess),
        merges=b"",
        tokenizer=None,
        provenance={
            "weights": "models/tiny/train_groupvit.py; text tower of tiny-clip",
            "exporter": exporter("export_groupvit.py"),
            "step": str(content["step"]),
            "held_out_miou": f"{content['miou']:.4f}",
            "text_activation": "quick_gelu",
        },
    )


def with_text(parts: PackageParts, base: Base, background: groupvit.Background) -> PackageParts:
    """The package with a text tower that projects by a matrix."""
    tokenizer = SimpleTokenizer(context_length=TEXT.context_length)
    tasks = groupvit.tasks(GROUPVIT, background)
    tasks["segment"]["heads"][0]["parameters"] |= {
        "short_side": SCENE, "long_side": 2048 * SCENE // 448, "crop_size": SIDE, "stride": SIDE // 2,
    }  # fmt: skip
    return dataclasses.replace(
        parts,
        text=base.text,
        merges=Path(default_bpe()).read_bytes(),
        reference=dataclasses.replace(parts.reference, tokenizer=tokenizer, text=base.text),
        templates=list(groupvit.SEGMENT_TEMPLATES),
        more_templates={groupvit.SEGMENT_FILE: list(groupvit.SEGMENT_TEMPLATES)},
        more_preprocesses={"segment": groupvit.segment_preprocess(SCENE, list(MEAN), list(STD))},
        tasks=tasks,
    )


def parts_of(checkpoint: Path, text: Path) -> PackageParts:
    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    background = groupvit.Background(threshold=content["threshold"])
    source = source_of(content, checkpoint.name)
    parts = groupvit.parts_of(source, "tiny-groupvit", "f16", LICENCE, image_only=True)
    return with_text(parts, load_base(text), background)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
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


if __name__ == "__main__":
    sys.exit(main())
