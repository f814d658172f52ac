"""What each engine is told to do: a job for every work of works.py, and the inputs it names."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import inputs
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
TINY_CLIP = ROOT / "models" / "tiny-clip.glint"
EVERY = 125  # of a classifier's texts, a peer that pads them to 77 ids gets one; it has 8,000
PROMPT_IDS = 10  # "a photo of a golden retriever." with the start and end token
LSEG_LABELS = 150  # as ADE20K has


@dataclass(frozen=True)
class Setting:
    """What the command line decides."""

    scratch: Path  # inputs and results
    artefacts: Path  # made by artefacts.py
    heads: Path  # made by head_artefacts.py
    rows: int  # of the searched matrix
    threads: int


def _saved(setting: Setting, name: str, make: Callable[[], np.ndarray]) -> str:
    path = setting.scratch / f"{name}.npy"
    if not path.exists():
        np.save(path, make())
    return str(path)


def tower(name: str, batch: int) -> Callable[[Setting], dict]:
    def job(setting: Setting) -> dict:
        x = inputs.pixels(batch) if name == "image" else inputs.ids(batch, PROMPT_IDS)
        return {
            "work": f"encode-{name}",
            "tower": name,
            "package": str(setting.artefacts / "model.glint"),
            "artefacts": str(setting.artefacts),
            "input": _saved(setting, f"{name}-{batch}", lambda: x),
            "shape": list(x.shape),
        }

    return job


def photo(batch: int, precision: str) -> Callable[[Setting], dict]:
    """The same JPEG `batch` times; "input" and "shape" are for the image tower alone."""

    def job(setting: Setting) -> dict:
        path = setting.scratch / "photo.jpg"
        path.write_bytes(inputs.jpeg(500, 375))
        package, x = setting.artefacts / "model.glint", inputs.pixels(batch)
        dim = json.loads((package / "glint.json").read_text())["embed_dim"]
        return {
            "work": "photo",
            "tower": "image",
            "package": str(package),
            "base": str(package),
            "artefacts": str(setting.artefacts),
            "precision": precision,
            "photo": str(path),
            "classes": _saved(setting, "photo-classes", lambda: inputs.unit_rows(1000, dim, 7)),
            "input": _saved(setting, f"image-{batch}", lambda: x),
            "shape": list(x.shape),
        }

    return job


def load(setting: Setting) -> dict:
    return {"work": "load", "package": str(setting.artefacts / "model.glint")}


def classifier(setting: Setting) -> dict:
    texts = setting.scratch / "classifier.txt"
    texts.write_text("\n".join(inputs.classifier_texts()) + "\n")
    package = str(setting.artefacts / "model.glint")
    return {
        "work": "encode-texts",
        "tower": "text",
        "package": package,
        "base": package,
        "artefacts": str(setting.artefacts),
        "input": str(texts),
        "every": EVERY,
        "bank": str(setting.scratch / "bank.safetensors"),
    }


def pixels(width: int, height: int) -> Callable[[Setting], dict]:
    def job(setting: Setting) -> dict:
        return {
            "work": "preprocess",
            "size": 224,
            "package": str(setting.artefacts / "model.glint"),
            "input": _saved(setting, f"{width}x{height}", lambda: inputs.picture(width, height)),
            "shape": [height, width, 3],
        }

    return job


def jpeg(width: int, height: int) -> Callable[[Setting], dict]:
    def job(setting: Setting) -> dict:
        path = setting.scratch / f"{width}x{height}.jpg"
        path.write_bytes(inputs.jpeg(width, height))
        return {
            "work": "preprocess-jpeg",
            "package": str(setting.artefacts / "model.glint"),
            "input": str(path),
        }

    return job


def tokens(setting: Setting) -> dict:
    path = setting.scratch / "prompts.txt"
    path.write_text("\n".join(inputs.prompts(1000)))
    return {"work": "tokenize", "package": str(TINY_CLIP), "input": str(path)}


def search(queries: int) -> Callable[[Setting], dict]:
    def job(setting: Setting) -> dict:
        dim, rows = 512, setting.rows
        return {
            "work": "search",
            "dim": dim,
            "k": 10,
            "rows": _saved(setting, f"rows-{rows}", lambda: inputs.unit_rows(rows, dim, 4)),
            "queries": _saved(
                setting, f"queries-{queries}", lambda: inputs.unit_rows(queries, dim, 5)
            ),
        }

    return job


def tuning(setting: Setting) -> dict:
    made = inputs.labelled(classes=50, shots=16, pictures=500, width=512)
    return {"work": "tune"} | {
        name: _saved(setting, f"tune-{name}", lambda rows=rows: rows) for name, rows in made.items()
    }


def head(name: str, patch: int) -> Callable[[Setting], dict]:
    def job(setting: Setting) -> dict:
        x = inputs.pixels(1)
        return {
            "work": "classify",
            "package": str(setting.heads / f"{name}.glint"),
            "base": str(setting.heads / f"base-{patch}.glint"),
            "artefacts": str(setting.heads),
            "input": _saved(setting, "image-1", lambda: x),
            "shape": list(x.shape),
        }

    return job


def head_tower(name: str, work: str, package: str, size: int) -> Callable[[Setting], dict]:
    """The image tower of a head, in a form that every engine takes (head_artefacts.py)."""

    def job(setting: Setting) -> dict:
        x, prompts = inputs.pixels(1, size), setting.heads / "maple-prompts.npy"
        return {
            "work": work,
            "tower": name,
            "package": str(setting.heads / f"{package}.glint"),
            "artefacts": str(setting.heads),
            "prompts": str(prompts),
            "prompts_shape": list(np.load(prompts).shape),
            "input": _saved(setting, f"pixels-{size}", lambda: x),
            "shape": list(x.shape),
        }

    return job


def lseg(work: str, name: str, make: Callable[[], np.ndarray]) -> Callable[[Setting], dict]:
    def job(setting: Setting) -> dict:
        labels = setting.scratch / "lseg-labels.txt"
        labels.write_text("\n".join(inputs.class_names()[:LSEG_LABELS]) + "\n")
        package, x = str(setting.heads / "lseg.glint"), make()
        return {
            "work": work,
            "package": package,
            "base": package,
            "artefacts": str(setting.heads),
            "input": _saved(setting, name, lambda: x),
            "shape": list(x.shape),
            "labels": str(labels),
        }

    return job
