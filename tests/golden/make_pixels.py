"""Writes tests/golden/pixels: what Pillow, torchvision and open_clip make of pictures.

Pictures are not stored (pixel_cases.py); of most results only a CRC-32 is. make_sweep.py and
make_opencv.py write more of them into pixels/sweep, make_encoded.py pictures to decode.

  resize.txt      mode pattern seed width height new_width new_height filter crc
                  the bytes of Image.resize
  preprocess.txt  mode pattern seed width height target_width target_height geometry filter rgb crc
                  the f32 bytes [3, H, W] of open_clip's image_transform with CLIP's mean and std;
                  rgb: Image.convert("RGB") before or after the resize
  crops.txt       mode pattern seed width height side target_side filter rgb crc
                  the same of torchvision's Resize(side) and CenterCrop(target_side)
  tensors/*.npy   a few of those results whole, named by their line number from 1

Run with the pinned Pillow, torch, torchvision and open_clip_torch; the result is deterministic.
"""

import pathlib
import shutil

import numpy as np
from open_clip.transform import image_transform
from PIL import Image
from torchvision import transforms

from pixel_cases import BANDS, MEAN, STD, crc, picture

OUT = pathlib.Path(__file__).parent / "pixels"
FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


def resize_cases():
    sizes = [
        ((64, 48), (31, 23)), ((31, 23), (64, 48)), ((50, 40), (50, 17)), ((50, 40), (21, 40)),
        ((33, 21), (33, 21)), ((1, 1), (5, 7)), ((1, 40), (9, 9)), ((40, 1), (9, 9)),
        ((300, 200), (7, 5)), ((13, 17), (1, 1)), ((5, 500), (3, 300)), ((97, 89), (64, 32)),
        ((257, 3), (256, 3)), ((20, 20), (81, 79)), ((78, 104), (38, 24)), ((78, 105), (38, 24)),
    ]
    seed = 0
    for mode in BANDS:
        for pattern in ("noise", "steps", "smooth"):
            for (width, height), new_size in sizes:
                for name in FILTERS:
                    seed += 1
                    yield mode, pattern, seed, width, height, *new_size, name


def preprocess_cases():
    sizes = [
        (32, 32), (33, 32), (40, 64), (640, 480), (31, 77), (20, 15), (1, 1), (1, 90), (90, 1),
        (5, 500), (500, 5), (97, 101), (224, 225), (35, 32), (32, 41),
    ]
    seed = 1000
    for mode in BANDS:
        for i, (width, height) in enumerate(sizes):
            for rgb in ("after", "before"):
                seed += 1
                pattern = ("noise", "steps", "smooth")[i % 3]
                name = ("bicubic", "bilinear")[seed // 2 % 2]
                geometry = ("shortest", "shortest", "squash")[(seed + i) % 3]
                yield mode, pattern, seed, width, height, 32, 32, geometry, name, rgb
    for mode in ("RGB", "RGBA", "L"):
        for width, height in ((300, 200), (200, 300), (30, 20), (48, 32), (47, 33)):
            seed += 1
            yield mode, "noise", seed, width, height, 48, 32, "shortest", "bicubic", "after"
            yield mode, "noise", seed, width, height, 24, 37, "squash", "bilinear", "after"
    for width, height in ((640, 427), (427, 640), (225, 224), (333, 500)):
        seed += 1
        yield "RGB", "smooth", seed, width, height, 224, 224, "shortest", "bicubic", "after"


def crop_cases():
    sizes = [(32, 32), (37, 37), (64, 48), (31, 77), (20, 15), (1, 90), (5, 500), (640, 427)]
    seed = 2000
    for mode in BANDS:
        for i, (width, height) in enumerate(sizes):
            for side, target_side in ((37, 32), (32, 32), (64, 31)):
                seed += 1
                pattern = ("noise", "steps", "smooth")[i % 3]
                name = ("bicubic", "bilinear")[seed % 2]
                rgb = ("after", "before")[seed // 2 % 2]
                yield mode, pattern, seed, width, height, side, target_side, name, rgb
    for width, height in ((640, 427), (427, 640), (225, 300)):  # GroupViT's classification
        seed += 1
        yield "RGB", "smooth", seed, width, height, 256, 224, "bilinear", "before"


def resize_and_crop(image, side, target_side, name, rgb):
    if rgb == "before":
        image = image.convert("RGB")
    image = transforms.Resize(side, transforms.InterpolationMode(name))(image)
    image = transforms.CenterCrop(target_side)(image).convert("RGB")
    pixels = transforms.Normalize(MEAN, STD)(transforms.ToTensor()(image))
    return np.ascontiguousarray(pixels.numpy(), dtype="<f4")


def preprocess(image, target_width, target_height, geometry, name, rgb):
    if rgb == "before":
        image = image.convert("RGB")
    transform = image_transform(
        (target_height, target_width), is_train=False, resize_mode=geometry, interpolation=name
    )
    return np.ascontiguousarray(transform(image).numpy(), dtype="<f4")


def write_cases():
    lines = []
    for case in resize_cases():
        mode, pattern, seed, width, height, new_width, new_height, name = case
        image = picture(mode, pattern, seed, width, height)
        image = image.resize((new_width, new_height), FILTERS[name])
        lines.append(f"{' '.join(map(str, case))} {crc(image.tobytes())}\n")
    (OUT / "resize.txt").write_text("".join(lines))

    lines = []
    for case in crop_cases():
        mode, pattern, seed, width, height, *how = case
        pixels = resize_and_crop(picture(mode, pattern, seed, width, height), *how)
        lines.append(f"{' '.join(map(str, case))} {crc(pixels.tobytes())}\n")
    (OUT / "crops.txt").write_text("".join(lines))

    lines, modes_stored = [], set()
    for number, case in enumerate(preprocess_cases(), 1):
        mode, pattern, seed, width, height, *how = case
        pixels = preprocess(picture(mode, pattern, seed, width, height), *how)
        lines.append(f"{' '.join(map(str, case))} {crc(pixels.tobytes())}\n")
        if (width, height) == (31, 77) and mode not in modes_stored:
            modes_stored.add(mode)
            np.save(OUT / "tensors" / f"{number}.npy", pixels)
    (OUT / "preprocess.txt").write_text("".join(lines))


def main():
    shutil.rmtree(OUT / "tensors", ignore_errors=True)
    (OUT / "tensors").mkdir(parents=True)
    write_cases()


if __name__ == "__main__":
    main()
