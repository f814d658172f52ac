"""Turns a checkpoint of train_lseg.py into a package, with the text tower of another.

    python models/tiny/export_lseg.py --checkpoint build/tiny-lseg/checkpoint.pt \\
        --text models/tiny-clip.glint --out models/tiny-lseg.glint

The reference is the plain Python towers with the weights rounded to f16.
"""

import dataclasses
import io
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "export")]

import torch  # noqa: E402
from bases import load_base  # noqa: E402
from glint_export import PackageParts, lseg  # noqa: E402
from glint_export.checkpoint import load_strictly  # noqa: E402
from glint_export.towers import LsegImage  # noqa: E402
from lseg_net import LSEG  # noqa: E402
from net import EMBED_DIM, MEAN, STD, TEXT  # noqa: E402
from open_clip.tokenizer import SimpleTokenizer, default_bpe  # noqa: E402
from PIL import Image  # noqa: E402
from scenes import Scenes  # noqa: E402
from tiny_parts import LICENCE, export_command, exporter  # noqa: E402

SCENE = 96  # pixels of a scene's longer side
# One scale: it was trained on photos of 22 to 51 pixels a side, and larger or smaller ones, which the
# released code also looks at, only take points of mIoU away.  The mirrored view adds some.
PROTOCOL = lseg.Protocol(base_size=SCENE, crop_size=SCENE, scales="1", single_size=SCENE, pad=0.0)


def drawn() -> dict[str, bytes]:
    """A scene without photos, from which nobody's picture can be read."""
    nothing = torch.zeros(1, 3, 32, 32, dtype=torch.uint8), torch.zeros(1, dtype=torch.long)
    background = Scenes(*nothing, 5).backgrounds(1, SCENE)[0]
    buffer = io.BytesIO()
    pixels = background.round().to(torch.uint8).permute(1, 2, 0).numpy()
    Image.fromarray(pixels).save(buffer, "PNG")
    return {"background.png": buffer.getvalue()}


def parts_of(checkpoint: Path, text: Path) -> PackageParts:
    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    image = LsegImage(LSEG)
    load_strictly(image, content["tower"], checkpoint.name)
    source = lseg.Source(
        image=image.eval(),
        text=load_base(text).text,
        embed_dim=EMBED_DIM,
        text_width=TEXT.width,
        mean=MEAN,
        std=STD,
        merges=Path(default_bpe()).read_bytes(),
        tokenizer=SimpleTokenizer(context_length=TEXT.context_length),
        provenance={
            "weights": "models/tiny/train_lseg.py; text tower of tiny-clip",
            "exporter": exporter("export_lseg.py"),
            "step": str(content["step"]),
            "held_out_miou": f"{content['miou']:.4f}",
            "text_activation": "quick_gelu",
        },
        protocol=PROTOCOL,
    )
    parts = lseg.parts_of(source, "tiny-lseg", "f16", LICENCE)
    # One small call, since its numbers are larger than the decoder's weights.
    return dataclasses.replace(parts, pictures=drawn(), calls=[lseg.call_of(image, 1, 32, 32)])


if __name__ == "__main__":
    sys.exit(export_command(__doc__, parts_of))
