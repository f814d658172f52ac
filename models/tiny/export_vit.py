"""Turns a checkpoint of distil_vit.py into a package, with the text tower of another.

    python models/tiny/export_vit.py --checkpoint build/tiny-vit-2/checkpoint.pt \\
        --text models/tiny-clip.glint --out models/tiny-vit.glint

The reference of the package is the plain Python towers with the weights rounded to f16, and
pictures that are drawn.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "export")]

import torch  # noqa: E402
from bases import load_base  # noqa: E402
from glint_export import PackageParts  # noqa: E402
from glint_export.checkpoint import load_strictly, round_to_half  # noqa: E402
from glint_export.towers import VisionTransformer  # noqa: E402
from tiny_parts import export_command, exporter, parts_of_towers  # noqa: E402
from vit import SEEN, VIT  # noqa: E402


def parts_of(checkpoint: Path, text: Path) -> PackageParts:
    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    image = VisionTransformer(VIT)
    load_strictly(image, content["model"], checkpoint.name)
    round_to_half(image.eval())
    base = load_base(text)
    provenance = {
        "weights": f"models/tiny/distil_vit.py; text tower and logit scale of {base.name}",
        "image_tower_saw": ", ".join(SEEN),
        "exporter": exporter("export_vit.py"),
        "epoch": str(content["epoch"]),
        "held_out_top1": f"{content['held_out']:.4f}",
    }
    return parts_of_towers("tiny-vit", image, base.text, base.scale, provenance, {})


if __name__ == "__main__":
    sys.exit(export_command(__doc__, parts_of))
