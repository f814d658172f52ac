"""Writes real_embeddings/: what NumPy answers, in f64, about published CLIP ViT-B/32 embeddings.

    GLINT_SHARED_DATA=... python tests/golden/make_real_embeddings.py

aesthetic_*.npy are the published numbers themselves (README.md there).  rankings.json holds the
five best of 1,203 class embeddings and their logits at scale 100, for each of seven photographs
over the LVIS classes, and for numbers from a generator that the test repeats, so that a ranking
of this size is compared where the LVIS embeddings are absent too.
"""

import json
import os
from pathlib import Path

import numpy as np

OUT = Path(__file__).resolve().parent / "real_embeddings"
CLASSES, DIM, BEST, SCALE = 1203, 512, 5, 100.0


def unit(rows: np.ndarray) -> np.ndarray:
    rows = rows.astype(np.float64)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def ranking(image: np.ndarray, rows: np.ndarray) -> tuple[list[int], list[float]]:
    logits = SCALE * unit(rows) @ unit(image.reshape(-1))
    best = np.argsort(-logits, kind="stable")[:BEST]
    return best.tolist(), [round(float(x), 6) for x in logits[best]]


def generated(count: int) -> np.ndarray:
    """x <- 1664525 x + 1013904223 mod 2^32 from 1; the upper 24 bits as f32 in [-0.5, 0.5)."""
    values = np.empty(count, np.float32)
    x = 1
    for i in range(count):
        x = (1664525 * x + 1013904223) % 2**32
        values[i] = (x >> 8) / 2**24 - 0.5
    return values


def write_aesthetic(data: Path) -> None:
    rated = [np.load(data / f"vit_b_32_rating{i}.npy").reshape(DIM) for i in range(10)]
    np.save(OUT / "aesthetic_embeddings.npy", np.stack(rated))
    np.save(OUT / "aesthetic_weight.npy", np.load(data / "vit_b_32_linear_weight.npy"))
    np.save(OUT / "aesthetic_bias.npy", np.load(data / "vit_b_32_linear_bias.npy"))


def main() -> None:
    data = Path(os.environ["GLINT_SHARED_DATA"])
    OUT.mkdir(exist_ok=True)
    write_aesthetic(data / "aesthetic")
    classes = json.loads((data / "class-embeddings" / "lvis_v1_train_cat_info.json").read_text())
    names = [entry["name"] for entry in sorted(classes, key=lambda entry: entry["id"])]
    rows = np.load(data / "class-embeddings" / "lvis_v1_vitb32_a.npy")
    photos = {}
    for path in sorted((data / "clip-retrieval").glob("*.vitb32.npy")):
        best, logits = ranking(np.load(path), rows)
        photos[path.name.split(".")[0]] = {"names": [names[i] for i in best], "logits": logits}
    numbers = generated(DIM + CLASSES * DIM)
    best, logits = ranking(numbers[:DIM], numbers[DIM:].reshape(CLASSES, DIM))
    golden = {
        "numpy": np.__version__,
        "lvis": photos,
        "generated": {"indices": best, "logits": logits},
    }
    (OUT / "rankings.json").write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
