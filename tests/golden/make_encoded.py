"""Writes tests/golden/pixels/files: encoded pictures, and what Pillow decodes them to.

  files/*      small encoded pictures
  decode.txt   file mode width height crc rgb_crc
               the bytes Pillow decodes, and the bytes of their conversion to RGB
  exif.txt     the same after ImageOps.exif_transpose
  refused.txt  file code: what decode_image refuses, and how

Run with the pinned Pillow; the result is deterministic.
"""

import io
import pathlib
import shutil
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin

from pixel_cases import crc, noise, picture as synthetic

OUT = pathlib.Path(__file__).parent / "pixels"


# What Pillow cannot write is put together here byte by byte.


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def replaced(data, old, new):
    assert data.count(old) == 1, (old, data.count(old))
    return data.replace(old, new)


def frame_patched(data, offset, new):
    """The bytes `offset` after the frame marker's length field replaced."""
    at = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2")) + 4 + offset
    return data[:at] + new + data[at + len(new):]


def jpeg_files():
    def rgb(seed, width, height):
        return synthetic("RGB", "smooth", seed, width, height)

    for name, sampling in (("444", 0), ("422", 1), ("420", 2)):
        yield f"{name}.jpg", encoded(rgb(1, 37, 29), "JPEG", subsampling=sampling, quality=85)
    yield "420-noise.jpg", encoded(
        synthetic("RGB", "noise", 3, 33, 17), "JPEG", subsampling=2, quality=60)
    yield "grey.jpg", encoded(synthetic("L", "smooth", 4, 23, 31), "JPEG", quality=90)
    yield "cmyk.jpg", encoded(synthetic("CMYK", "smooth", 5, 19, 21), "JPEG", quality=90)
    yield "progressive.jpg", encoded(rgb(6, 41, 27), "JPEG", progressive=True, quality=80)
    yield "progressive-grey.jpg", encoded(
        synthetic("L", "smooth", 7, 18, 9), "JPEG", progressive=True)
    yield "restart.jpg", encoded(rgb(8, 40, 40), "JPEG", restart_marker_blocks=2)
    yield "rgb.jpg", encoded(rgb(9, 16, 24), "JPEG", keep_rgb=True)
    yield "one.jpg", encoded(rgb(10, 1, 1), "JPEG")
    # The same blocks read under another layout: vertical and fourfold subsampling, YCCK.
    data = encoded(rgb(11, 32, 32), "JPEG", subsampling=1)
    yield "440.jpg", frame_patched(data, 6 + 1, b"\x12")
    data = encoded(rgb(12, 64, 64), "JPEG", subsampling=2)
    yield "411.jpg", frame_patched(data, 6 + 1, b"\x41")
    data = encoded(synthetic("CMYK", "smooth", 13, 16, 16), "JPEG")
    at = data.index(b"Adobe") + 11
    yield "ycck.jpg", data[:at] + b"\x02" + data[at + 1:]


def png_chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_rows(samples, depth):
    """Rows with filter type 0; samples [H, W, C]."""
    height, width, bands = samples.shape
    if depth == 16:
        packed = samples.astype(">u2").reshape(height, -1).view(np.uint8)
    elif depth == 8:
        packed = samples.astype(np.uint8).reshape(height, -1)
    else:
        bits = samples.reshape(height, width)[..., None] >> np.arange(depth - 1, -1, -1) & 1
        packed = np.packbits(bits.reshape(height, -1).astype(np.uint8), axis=1)
    return b"".join(b"\0" + row.tobytes() for row in packed)


def png(samples, depth, color_type, interlaced=False, chunks=b""):
    height, width, _ = samples.shape
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, int(interlaced))
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4),
                  (1, 0, 2, 2), (0, 1, 1, 2)]
    parts = [samples[y0::dy, x0::dx] for x0, y0, dx, dy in passes]
    data = b"".join(png_rows(part, depth) for part in parts if part.size)
    return (b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + chunks
            + png_chunk(b"IDAT", zlib.compress(data, 9)) + png_chunk(b"IEND", b""))


def png_files():
    for mode in ("L", "LA", "P", "RGB", "RGBA"):
        image = synthetic(mode, "smooth", 20, 21, 13)
        yield f"{mode.lower()}.png", encoded(image, "PNG")
    yield "rgb-clear-colour.png", encoded(
        synthetic("RGB", "steps", 21, 20, 10), "PNG", transparency=(255, 0, 255))
    yield "l-clear-grey.png", encoded(synthetic("L", "steps", 22, 20, 10), "PNG", transparency=255)
    yield "p-alpha.png", encoded(
        synthetic("P", "noise", 23, 20, 10), "PNG", transparency=bytes(range(0, 200, 2)))

    def samples(seed, width, height, bands, top):
        values = noise(seed, width * height * bands * 2).astype(np.int64)
        return (values[::2] * 256 + values[1::2]).reshape(height, width, bands) % (top + 1)

    def plte(count):
        return png_chunk(b"PLTE", noise(24, 3 * count).tobytes())

    for depth in (1, 2, 4):
        top = 2**depth - 1
        yield f"grey{depth}.png", png(samples(25, 19, 7, 1, top), depth, 0)
        yield f"palette{depth}.png", png(samples(26, 19, 7, 1, top), depth, 3, chunks=plte(top + 1))
    yield "palette-short.png", png(samples(27, 9, 9, 1, 255), 8, 3, chunks=plte(100))
    # All 65,536 values, which Pillow cannot bring to 8 bits without clipping.
    yield "grey16.png", png(np.arange(65536).reshape(256, 256, 1), 16, 0)
    for name, bands, color_type in (("la16", 2, 4), ("rgb16", 3, 2), ("rgba16", 4, 6)):
        yield f"{name}.png", png(samples(28, 11, 6, bands, 65535), 16, color_type)
    gamma = png_chunk(b"gAMA", struct.pack(">I", 30000))
    yield "gamma.png", png(samples(29, 11, 6, 3, 255), 8, 2, chunks=gamma)
    yield "interlaced.png", png(samples(30, 21, 13, 3, 255), 8, 2, True)
    yield "interlaced-grey1.png", png(samples(31, 21, 13, 1, 1), 1, 0, True)
    yield "interlaced-palette4.png", png(samples(32, 3, 2, 1, 15), 4, 3, True, plte(16))


def webp_files():
    rgb = synthetic("RGB", "smooth", 40, 37, 23)
    rgba = synthetic("RGBA", "smooth", 41, 29, 18)
    yield "lossless.webp", encoded(rgb, "WEBP", lossless=True)
    yield "lossless-alpha.webp", encoded(rgba, "WEBP", lossless=True, exact=True)
    yield "lossy.webp", encoded(rgb, "WEBP", quality=70)
    yield "lossy-alpha.webp", encoded(rgba, "WEBP", quality=70)
    frames = [synthetic("RGB", "noise", 42 + i, 24, 16) for i in range(2)]
    yield "animated.webp", encoded(
        frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)


def bmp(width, height, bits, rows, palette=b"", compression=0, masks=b"", header_size=40,
        top_down=False, colors=0):
    if header_size == 12:
        header = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        signed_height = -height if top_down else height
        header = struct.pack("<IiiHHIIiiII", header_size, width, signed_height, 1, bits,
                             compression, 0, 0, 0, colors, 0)
        header += masks
        header = header.ljust(header_size, b"\0")
    offset = 14 + len(header) + len(palette)
    body = b"".join(row + bytes(-len(row) % 4) for row in rows)
    return b"BM" + struct.pack("<IHHI", offset + len(body), 0, 0, offset) + header + palette + body


def bmp_files():
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        image = synthetic("L" if mode == "1" else mode, "smooth", 50, 21, 9).convert(mode)
        yield f"{mode.lower()}.bmp", encoded(image, "BMP")

    def rows(seed, row_bytes, height):
        return [row.tobytes() for row in noise(seed, row_bytes * height).reshape(height, -1)]

    palette = noise(51, 64).tobytes()
    yield "palette4.bmp", bmp(13, 5, 4, rows(52, 7, 5), palette)
    yield "palette4-few.bmp", bmp(13, 5, 4, rows(52, 7, 5), palette[:40], colors=10)
    yield "core-header.bmp", bmp(10, 4, 4, rows(53, 5, 4), palette[:48], header_size=12)
    yield "rgb555.bmp", bmp(7, 5, 16, rows(54, 14, 5))
    masks = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    yield "rgb565.bmp", bmp(7, 5, 16, rows(55, 14, 5), compression=3, masks=masks)
    yield "bgrx.bmp", bmp(6, 5, 32, rows(56, 24, 5))
    masks = struct.pack("<IIII", 0xFF000000, 0xFF0000, 0xFF00, 0xFF)
    yield "abgr.bmp", bmp(6, 5, 32, rows(57, 24, 5), compression=3, masks=masks, header_size=56)
    yield "top-down.bmp", bmp(5, 6, 24, rows(58, 15, 6), top_down=True)


def as_glint(image):
    """Pillow's picture in the modes of glint: mode 1 is a palette of black and white."""
    if image.mode == "1":
        indices = (np.asarray(image) > 0).astype(np.uint8).tobytes()
        return "P", indices
    if image.mode == "I;16":  # our departure from Pillow
        grey = np.round(np.asarray(image) / 257).astype(np.uint8)
        return "L", grey.tobytes()
    return image.mode, image.tobytes()


def decode_line(name, image):
    mode, pixels = as_glint(image)
    rgb = image.convert("RGB").tobytes()
    if image.mode == "I;16":
        rgb = np.repeat(np.frombuffer(pixels, np.uint8), 3).tobytes()
    return f"{name} {mode} {image.width} {image.height} {crc(pixels)} {crc(rgb)}\n"


def write_files():
    lines = []
    for files in (jpeg_files, png_files, webp_files, bmp_files):
        for name, data in files():
            (OUT / "files" / name).write_bytes(data)
            lines.append(decode_line(name, Image.open(io.BytesIO(data))))
    (OUT / "decode.txt").write_text("".join(lines))

    lines = []
    image = synthetic("RGB", "smooth", 60, 20, 12)
    kinds = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}
    pictures = {"jpg": image, "png": synthetic("P", "smooth", 61, 7, 5),
                "webp": synthetic("RGBA", "smooth", 62, 7, 5)}

    def write(name, exif_value, xmp_value=None):
        """A picture with an orientation in its EXIF block, in its XMP packet, or in both."""
        kind = kinds[name.split(".")[1]]
        exif = Image.Exif()
        if exif_value is not None:
            exif[0x0112] = exif_value
        options = {"lossless": True} if kind == "WEBP" else {}
        if xmp_value is not None:
            packet = f'<x:xmpmeta><rdf:Description tiff:Orientation={xmp_value}/></x:xmpmeta>'
            if kind == "PNG":
                info = PngImagePlugin.PngInfo()
                info.add_itxt("XML:com.adobe.xmp", packet)
                options["pnginfo"] = info
            else:
                options["xmp"] = packet.encode()
        data = encoded(pictures[name.split(".")[1]], kind, exif=exif, **options)
        (OUT / "files" / name).write_bytes(data)
        lines.append(decode_line(name, ImageOps.exif_transpose(Image.open(io.BytesIO(data)))))

    for i in range(1, 9):
        write(f"turned{i}.jpg", i)
    for i in (5, 6):
        write(f"turned{i}.png", i)
    for i in (3, 8):
        write(f"turned{i}.webp", i)
    for extension in kinds:
        write(f"xmp-turned.{extension}", None, '"6"')
        write(f"exif-and-xmp.{extension}", 1, '"6"')  # the EXIF block is what counts
    write("xmp-wrong.jpg", None, "'6'")
    write("exif-range.jpg", 9, '"6"')
    (OUT / "exif.txt").write_text("".join(lines))

    indices = np.arange(12).reshape(3, 4, 1) % 2
    baseline = encoded(synthetic("RGB", "smooth", 1, 8, 8), "JPEG")
    at = baseline.index(b"\xff\xc0")
    refused = [
        ("twelve-bits.jpg", frame_patched(baseline, 0, b"\x0c"), "kUnsupported"),
        ("lossless.jpg", baseline[:at + 1] + b"\xc3" + baseline[at + 2:], "kUnsupported"),
        ("run-length.bmp", bmp(4, 1, 8, [b"\x04\x01\x00\x01"], bytes(1024), 1), "kUnsupported"),
        ("no-palette.png", png(indices, 8, 3), "kCorruptImage"),
    ]
    for name, data, _ in refused:
        (OUT / "files" / name).write_bytes(data)
    (OUT / "refused.txt").write_text("".join(f"{name} {code}\n" for name, _, code in refused))


def main():
    shutil.rmtree(OUT / "files", ignore_errors=True)
    (OUT / "files").mkdir(parents=True)
    write_files()


if __name__ == "__main__":
    main()
