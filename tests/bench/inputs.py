"""Inputs of the peers' works, drawn from fixed seeds."""

import io

import numpy as np

SIZES = {"500x375": (500, 375), "1920x1080": (1920, 1080), "12 megapixels": (4000, 3000)}
_SIZES = ["small", "large", "young", "old", "wild", "wooden", "shiny", "frozen", "painted"]
_COLOURS = ["red", "black", "white", "golden", "grey", "turquoise", "pale green"]
_THINGS = """dog cat lorry sailing boat airliner deer beaver teapot mushroom kingfisher violin
golden retriever tabby steam locomotive lighthouse espresso machine accordion pomegranate""".split()
_FORMS = [
    "a photo of a {}.",
    "a blurry photo of the {}",
    "itap of my {}.",
    "the origami {}, 2 of 16",
    "a low resolution photo of one {}!",
    "a {}'s close-up in the style of a 19th century painting",
]


def picture(width: int, height: int) -> np.ndarray:
    """RGB [H, W, 3] u8: gradients under coarse and fine noise."""
    random = np.random.default_rng(1)
    y, x = np.mgrid[0:height, 0:width]
    slopes = np.stack([128 * x // width, 128 * y // height, 64 * (x / width + y / height)], axis=-1)
    coarse = random.integers(0, 64, (height // 16 + 1, width // 16 + 1, 1))
    coarse = coarse.repeat(16, 0).repeat(16, 1)[:height, :width]
    return (slopes + coarse + random.integers(0, 64, (height, width, 3))).astype(np.uint8)


def jpeg(width: int, height: int) -> bytes:
    """Such a picture, enlarged from half its size so that it compresses like a photograph."""
    from PIL import Image

    small = Image.fromarray(picture(width // 2, height // 2))
    file = io.BytesIO()
    small.resize((width, height), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()


def prompts(count: int) -> list[str]:
    """Prompts as classifiers are made of; few words, many of them often."""
    return [
        _FORMS[i % len(_FORMS)].format(
            f"{_SIZES[i % len(_SIZES)]} {_COLOURS[i % len(_COLOURS)]} {_THINGS[i % len(_THINGS)]}"
        )
        for i in range(count)
    ]


def class_names() -> list[str]:
    """ImageNet's 1,000, as open_clip has them; the two that come twice are told apart."""
    from open_clip import IMAGENET_CLASSNAMES

    seen: set[str] = set()
    return [
        f"{name} again" if name in seen or seen.add(name) else name for name in IMAGENET_CLASSNAMES
    ]


def classifier_texts() -> list[str]:
    """Every tenth of CLIP's 80 templates with each of the names, as a classifier is built."""
    from open_clip import OPENAI_IMAGENET_TEMPLATES

    templates = OPENAI_IMAGENET_TEMPLATES[::10]
    return [template(name) for name in class_names() for template in templates]


def pixels(batch: int, side: int = 224) -> np.ndarray:
    """[B, 3, S, S] f32 with the mean and spread of normalised photographs."""
    return np.random.default_rng(2).standard_normal((batch, 3, side, side), dtype=np.float32)


def ids(batch: int, length: int) -> np.ndarray:
    """[B, L] i64: the start token, drawn ids, the end token of CLIP's vocabulary."""
    drawn = np.random.default_rng(3).integers(0, 49406, (batch, length))
    drawn[:, 0], drawn[:, -1] = 49406, 49407
    return drawn


def labelled(classes: int, shots: int, pictures: int, width: int) -> dict[str, np.ndarray]:
    """A few-shot task: unit rows around a centre for each class, and the words' unit rows."""
    random = np.random.default_rng(6)
    draw = lambda rows: random.standard_normal((rows, width), dtype=np.float32)  # noqa: E731
    unit = lambda rows: rows / np.linalg.norm(rows, axis=1, keepdims=True)  # noqa: E731
    centres = draw(classes)
    key_classes = np.arange(classes * shots) % classes
    truth = np.arange(pictures) * 7 % classes
    return {
        "keys": unit(centres[key_classes] + 2 * draw(classes * shots)),
        "key_classes": key_classes,
        "features": unit(centres[truth] + 2 * draw(pictures)),
        "classes": truth,
        "words": unit(centres + 4 * draw(classes)),
    }


def unit_rows(count: int, width: int, seed: int) -> np.ndarray:
    """[N, D] f32 rows of unit length."""
    rows = np.random.default_rng(seed).standard_normal((count, width), dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
