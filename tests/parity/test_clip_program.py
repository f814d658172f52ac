"""The program against open_clip on random weights of the true ViT-B/32 and RN50 shapes.

`glint verify` compares stage by stage; `glint embed` at batches 1, 3 and 8 is compared here, with
pictures and texts other than the package's reference.  The bound is the contract's: max abs
difference / max abs value of 1e-5 in f32.
"""

import os
import subprocess
from pathlib import Path

import hf_support
import numpy as np
import pytest
import torch
from glint_export import clip, hf, write_package
from PIL import Image
from torch.nn import functional as F

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = Path(os.environ.get("GLINT_PROGRAM", ROOT / "build/release/bin/glint"))
TEXTS = [
    "a diagram",
    "a dog",
    "x",
    "a long caption about seven very small birds that sit in a row on a wet wooden fence",
    "日本の猫 🐈 2024",
    "",
    "a photo of a cat.",
    "word " * 100,
]


def glint(*arguments):
    assert PROGRAM.is_file(), f"build the program first, or set GLINT_PROGRAM: {PROGRAM}"
    done = subprocess.run(
        [PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def pictures(folder, count=8):
    """Noise of several shapes, stored without loss."""
    random = np.random.default_rng(5)
    for i in range(count):
        pixels = random.integers(0, 256, (120 + 37 * i, 400 - 29 * i, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return sorted(folder.glob("*.png"))


def difference(got, expected):
    return float(np.abs(got - expected).max() / np.abs(expected).max())


@torch.no_grad()
def check(tmp_path, arch, image_only=False):
    source = clip.load_source(arch, None, seed=21)
    parts = clip.parts_of(source, "parity", "f32", "Apache-2.0 (random weights)", image_only)
    package = tmp_path / "parity.glint"
    write_package(package, parts)
    glint("verify", package)

    files = pictures(tmp_path)
    model, reference = source.model, parts.reference
    image = model.encode_image(torch.stack([reference.pixels(Image.open(f)) for f in files]))
    cases = [("image", ["--images", *files], image)]
    if not image_only:
        (tmp_path / "texts.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
        text = model.encode_text(reference.tokenizer(TEXTS))
        cases.append(("text", ["--texts", tmp_path / "texts.txt"], text))
    for batch in (1, 3, 8):
        for name, arguments, expected in cases:
            out = tmp_path / f"{name}.npy"
            glint("embed", "--model", package, *arguments, "--output", out, "--batch-size", batch)
            worst = difference(np.load(out), F.normalize(expected, dim=-1).numpy())
            print(f"{arch} {name} at batch {batch}: {worst:.1e}")
            assert worst <= 1e-5, (name, batch)


def test_vit_b_32(tmp_path):
    check(tmp_path, "ViT-B-32")


def test_a_folder_of_transformers(tmp_path):
    """transformers' own processor made the reference's pixels: crops that leave an odd number of
    pixels, alpha on white, a picture that is made larger."""
    hf_support.save(tmp_path / "hf", hf_support.published_merges()[:300])
    parts = hf.parts_of(tmp_path / "hf", "hf", "f32", "MIT")
    random = np.random.default_rng(0)
    for i, size in enumerate([(32, 35, 3), (39, 32, 3), (90, 50, 3), (29, 31, 3), (61, 47, 4)]):
        path = tmp_path / f"{i}.png"
        Image.fromarray(random.integers(0, 256, size, dtype=np.uint8)).save(path)
        parts.pictures[path.name] = path.read_bytes()
    write_package(tmp_path / "hf.glint", parts)
    print(glint("verify", tmp_path / "hf.glint"))  # equal pixels and ids, embeddings within 1e-5


def test_rn50_image_tower(tmp_path):
    check(tmp_path, "RN50", image_only=True)  # the text tower is the one of ViT-B-32


@pytest.mark.full
@pytest.mark.parametrize("arch", ["ViT-L-14-quickgelu", "RN50-quickgelu"])
def test_true_shapes(tmp_path, arch):
    check(tmp_path, arch)
