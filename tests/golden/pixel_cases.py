"""The pictures and cases that the make_*.py of the pixel goldens share; needs only NumPy.

Pictures are not stored: a few lines of integer arithmetic give them here (`synthetic`) and in
tests/image/pictures.h.
"""

import random
import zlib

import numpy as np

BANDS = {"L": 1, "LA": 2, "P": 1, "RGB": 3, "RGBA": 4, "CMYK": 4}
PATTERNS = ("noise", "steps", "smooth")
MEAN = (0.48145466, 0.4578275, 0.40821073)  # CLIP's
STD = (0.26862954, 0.26130258, 0.27577711)


def crc(data):
    return f"{zlib.crc32(data):08x}"


def noise(seed, count):
    """count bytes: the top byte of a 32-bit finaliser over a counter."""
    x = np.arange(count, dtype=np.uint64) + np.uint64(seed * 0x9E3779B1 & 0xFFFFFFFF)
    x &= np.uint64(0xFFFFFFFF)
    for multiplier, shift in ((0x85EBCA6B, 16), (0xC2B2AE35, 13)):
        x ^= x >> np.uint64(shift)
        x = x * np.uint64(multiplier) & np.uint64(0xFFFFFFFF)
    x ^= x >> np.uint64(16)
    return (x >> np.uint64(24)).astype(np.uint8)


def synthetic(mode, pattern, seed, width, height):
    """uint8 [height, width, bands]; of mode P the indices into synthetic_palette(seed)."""
    bands = BANDS[mode]
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(bands), indexing="ij")
    random_bytes = noise(seed, height * width * bands).reshape(height, width, bands)
    if pattern == "noise":
        pixels = random_bytes.copy()
    elif pattern == "steps":
        pixels = ((x // 7 + y // 5 + c) % 2 * 255).astype(np.uint8)
    elif pattern == "smooth":
        pixels = ((x * 3 + y * 5 + c * 85 + random_bytes % 16) % 256).astype(np.uint8)
    if mode in ("LA", "RGBA"):  # many clear and many opaque pixels
        alpha = random_bytes[..., -1]
        pixels[..., -1] = np.where(alpha < 64, 0, np.where(alpha >= 192, 255, alpha))
    if mode == "P":
        pixels %= 200
    return pixels


def synthetic_palette(seed):
    return noise(seed + 1, 600).tobytes()


def picture(mode, pattern, seed, width, height):
    """synthetic() as a Pillow image."""
    from PIL import Image  # make_opencv.py runs without it

    pixels = synthetic(mode, pattern, seed, width, height)
    image = Image.frombytes(mode, (width, height), pixels.tobytes())
    if mode == "P":
        image.putpalette(synthetic_palette(seed))
    return image


def resized_size(width, height, target_width, target_height, geometry):
    """(width, height) before the crop or padding, or None where a side would vanish."""
    if geometry == "squash":
        return target_width, target_height
    if geometry == "shortest" and target_width == target_height:
        if width <= height:
            return target_width, int(target_width * height / width)
        return int(target_width * width / height), target_width
    ratios = height / target_height, width / target_width
    ratio = max(ratios) if geometry == "longest" else min(ratios)
    size = round(width / ratio), round(height / ratio)
    return size if min(size) > 0 else None


def cropped_or_padded(pixels, target_width, target_height, crop, fill):
    """[height, width, C] -> [target_height, target_width, C]."""
    height, width, bands = pixels.shape
    if height < target_height or width < target_width:
        out = np.empty((target_height, target_width, bands), pixels.dtype)
        out[:] = fill
        top, left = (target_height - height) // 2, (target_width - width) // 2
        out[top:top + height, left:left + width] = pixels
        return out
    start = (lambda n: n // 2) if crop == "down" else (lambda n: int(round(n / 2)))
    top, left = start(height - target_height), start(width - target_width)
    return pixels[top:top + target_height, left:left + target_width]


def normalized(rgb, rescale, channels):
    """uint8 [H, W, 3] -> f32 [3, H, W] in the arithmetic of torchvision or of Hugging Face."""
    values = rgb[..., ::-1] if channels == "bgr" else rgb
    values = values.astype(np.float32)
    mean, std = np.float32(MEAN), np.float32(STD)
    if rescale == "fused":
        values = (values - mean * np.float32(255)) / (std * np.float32(255))
    else:
        values = (values / np.float32(255) - mean) / std
    return np.ascontiguousarray(values.transpose(2, 0, 1))


LETTERS = {
    "geometry": {"s": "shortest", "q": "squash", "l": "longest"},
    "interpolation": {"c": "bicubic", "l": "bilinear", "n": "nearest"},
    "rgb": {"a": "after", "b": "before"},
    "crop": {"e": "even", "d": "down"},
    "rescale": {"d": "div255", "f": "fused"},
    "channels": {"r": "rgb", "b": "bgr"},
    "align_corners": {"0": False, "1": True},
}


def letter_of(field, value):
    return next(letter for letter, name in LETTERS[field].items() if name == value)


class Case:
    """A preprocess and the size of a picture; `number` is its line, its seed and its pattern."""

    def __init__(self, number, width, height, target_width, target_height, fill, **how):
        self.number, self.width, self.height = number, width, height
        self.target_width, self.target_height, self.fill = target_width, target_height, fill
        self.pattern = PATTERNS[number % 3]
        self.how = how
        for field, value in how.items():
            setattr(self, field, value)

    @property
    def resized(self):
        return resized_size(
            self.width, self.height, self.target_width, self.target_height, self.geometry)

    def line(self, pixels):
        letters = "".join(letter_of(field, self.how[field]) for field in LETTERS)
        return (f"{self.width} {self.height} {self.target_width} {self.target_height} {letters} "
                f"{self.fill} {crc(pixels.astype('<f4').tobytes())}\n")


def _log_uniform(rng, low, high):
    return int(round(low * (high / low) ** rng.random()))


def sweep(name, count, **choices):
    """`count` cases drawn with the seed `name`; choices: what a field may be.

    Sides are log-uniform from 1 to 400. Of ten cases one is over 100 to 1, one a pixel wide or
    high, and one has the size that the preprocess resizes to.
    """
    rng = random.Random(name)
    cases = []
    while len(cases) < count:
        number = len(cases) + 1
        width, height = _log_uniform(rng, 1, 400), _log_uniform(rng, 1, 400)
        target_width = _log_uniform(rng, 1, 60)
        target_height = target_width if rng.random() < 0.6 else _log_uniform(rng, 1, 60)
        how = {field: rng.choice(choices.get(field, list(LETTERS[field].values())))
               for field in LETTERS}
        if number % 10 == 3:
            width, height = rng.randint(1, 3), rng.randint(303, 500)
        elif number % 10 == 5:
            height = 1
        elif number % 10 == 7:
            width, height = target_width, target_height
        if rng.random() < 0.5:
            width, height = height, width
        fill = rng.choice((0, 0, 9, 128, 255)) if how["geometry"] == "longest" else 0
        case = Case(number, width, height, target_width, target_height, fill, **how)
        if case.resized is not None:
            cases.append(case)
    return cases
