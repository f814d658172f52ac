"""Writes tests/golden/label_maps: PNG files that Pillow makes of label indices.

    python tests/golden/make_label_maps.py

The maps of four columns hold 0 1 2 3 and 3 2 1 0; those of two columns hold what stands for no
label, and the largest index beside it.
"""

import pathlib
import zlib

import numpy as np
from PIL import Image

OUT = pathlib.Path(__file__).parent / "label_maps"
INDICES = np.array([[0, 1, 2, 3], [3, 2, 1, 0]])
COLOURS = [9, 200, 30, 77, 1, 2, 255, 255, 255, 128, 0, 64]


def with_palette(colours: list[int]) -> Image.Image:
    image = Image.fromarray(INDICES.astype(np.uint8), "P")
    image.putpalette(colours)
    return image


def main() -> None:
    OUT.mkdir(exist_ok=True)
    grey = Image.fromarray(INDICES.astype(np.uint8))
    grey.save(OUT / "grey8.png")
    Image.fromarray(INDICES.astype(np.uint16)).save(OUT / "grey16.png")
    with_palette(COLOURS).save(OUT / "palette2.png", bits=2)
    with_palette(COLOURS * 64).save(OUT / "palette8.png", bits=8)
    Image.fromarray(np.uint8([[255, 254]])).save(OUT / "none8.png")
    Image.fromarray(np.uint16([[65535, 255]])).save(OUT / "none16.png")
    grey.convert("RGB").save(OUT / "colour.png")
    grey.convert("LA").save(OUT / "grey-alpha.png")
    # Pillow writes no grey of two bits: the palette's file, with the colour type of its header
    # changed to grey, its palette left out and the header's checksum made again.
    write_grey2((OUT / "palette2.png").read_bytes())


def write_grey2(palette_file: bytes) -> None:
    at, parts = 8, [palette_file[:8]]
    while at < len(palette_file):
        length = int.from_bytes(palette_file[at:at + 4], "big")
        name = palette_file[at + 4:at + 8]
        body = palette_file[at + 8:at + 8 + length]
        at += 12 + length
        if name == b"PLTE":
            continue
        if name == b"IHDR":
            body = body[:9] + b"\0" + body[10:]
        parts.append(length.to_bytes(4, "big") + name + body)
        parts.append(zlib.crc32(name + body).to_bytes(4, "big"))
    (OUT / "grey2.png").write_bytes(b"".join(parts))


if __name__ == "__main__":
    main()
