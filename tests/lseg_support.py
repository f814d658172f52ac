"""The small LSegs that golden/make_lseg.py saved as the released code does, and its answers."""

import json
import lzma
from pathlib import Path

from glint_export import lseg_checkpoint
from glint_export.lseg import Blocks

GOLDEN = Path(__file__).resolve().parent / "golden"
NAMES = ("lseg", "lseg-option1", "lseg-option2")
PACKAGES = {name: GOLDEN / f"packages/{name}.glint" for name in NAMES}
HEADS = 2  # of the transformers' image towers
BLOCKS = {"vit16": Blocks(1, 2, "lrelu"), "vit32": Blocks(), "resnet": Blocks()}


def checkpoint(folder, name):
    """FOLDER/NAME.ckpt."""
    file = folder / f"{name}.ckpt"
    file.write_bytes(lzma.decompress((GOLDEN / f"lseg/{name}.ckpt.xz").read_bytes()))
    return file


def merges():
    """The checkpoints' vocabulary."""
    return (PACKAGES["lseg"] / "tokenizer/bpe.txt.gz").read_bytes()


def load(file, blocks=None):
    heads = None if file.stem == "resnet" else HEADS
    blocks = BLOCKS[file.stem] if blocks is None else blocks
    return lseg_checkpoint.load_source(file, heads, blocks, merges())


def answers():
    return json.loads((GOLDEN / "lseg.json").read_text())
