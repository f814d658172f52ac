"""What peers.py times: each work, who does it, and how results are compared."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import inputs
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
TINY_CLIP = ROOT / "models" / "tiny-clip.glint"
_EVERY = 125  # of a classifier's texts, a peer that pads them to 77 ids gets one; it has 8,000
PROMPT_IDS = 10  # "a photo of a golden retriever." with the start and end token
_TOWERS = {
    "glint fast": {"precision": "fast"},
    "glint compact": {"precision": "compact"},
    "torch eager": "eager",
    "torch.compile": "compiled",
    "torch.compile bf16": "compiled_bf16",
    "TorchScript frozen": "torchscript",
    "ONNX Runtime": "onnxruntime_f32",
    "ONNX Runtime int8 dynamic": "onnxruntime_int8",
    "OpenVINO f32": "openvino_f32",
    "OpenVINO bf16": "openvino_bf16",
    "OpenVINO int8 (NNCF)": "openvino_int8",
}
_PIXELS = {
    "Pillow (open_clip)": "pillow",
    "torchvision v2": "torchvision",
    "transformers (torchvision)": "transformers",
    "transformers (Pillow)": "transformers_pil",
    "hf-processors-rs (torchvision)": "hf_processors_rs",
    "hf-processors-rs (pil)": "hf_processors_rs_pil",
}
_JPEGS = {
    "Pillow (open_clip)": "pillow_jpeg",
    "torchvision v2": "torchvision_jpeg",
    "hf-processors-rs (torchvision)": "hf_processors_rs_jpeg",
    "hf-processors-rs (pil)": "hf_processors_rs_pil_jpeg",
}
_TOKENS = {"Hugging Face tokenizers": "tokenizers", "open_clip": "open_clip"}
_SEARCH = {
    "glint, f32 alone": {"storage": "f32"},
    "faiss flat": "faiss",
    "usearch exact": "usearch",
    "torch": "torch",
    "numpy": "numpy",
}


# Groups of works, each a table.
TOWERS = "towers"
CLASSIFIER = "texts of a classifier"
HEADS = ("CoCoOp", "MaPLe", "Tip-Adapter")
PIXELS = "picture to 3 x 224 x 224"
JPEGS = "JPEG to 3 x 224 x 224"
TOKENS = "texts to ids"
SEARCH = "top 10"
TUNING = "alpha and beta of Tip-Adapter"
LSEG = ("LSeg, a single pass", "LSeg, the head alone", "LSeg, the official protocol")
LSEG_LABELS = 150  # as ADE20K has


@dataclass(frozen=True)
class Setting:
    """What the command line decides."""

    scratch: Path  # inputs and results
    artefacts: Path  # made by artefacts.py
    heads: Path  # made by head_artefacts.py
    rows: int  # of the searched matrix
    threads: int


@dataclass(frozen=True)
class Work:
    name: str  # for --only
    group: str  # a table
    title: str  # a column of it
    # Shown name -> MODULE:FACTORY for harness/worker.py, or a job of glint's own that is timed
    # beside it and computes something else.
    engines: dict[str, str | dict]
    job: Callable[[Setting], dict]  # writes the inputs; what every engine is told
    dtype: type  # of a result's numbers
    one_thread: bool = False
    seconds: bool = False  # a peer's call takes a minute: one a round, none untimed, few rounds
    share: dict[str, float] = field(default_factory=dict)  # of the work, where an engine does less

    def threads(self, setting: Setting) -> int:
        return 1 if self.one_thread else setting.threads


def _saved(setting: Setting, name: str, make: Callable[[], np.ndarray]) -> str:
    path = setting.scratch / f"{name}.npy"
    if not path.exists():
        np.save(path, make())
    return str(path)


def _tower(tower: str, batch: int) -> Callable[[Setting], dict]:
    def job(setting: Setting) -> dict:
        x = inputs.pixels(batch) if tower == "image" else inputs.ids(batch, PROMPT_IDS)
        return {
            "work": f"encode-{tower}",
            "tower": tower,
            "package": str(setting.artefacts / "model.glint"),
            "artefacts": str(setting.artefacts),
            "input": _saved(setting, f"{tower}-{batch}", lambda: x),
            "shape": list(x.shape),
        }

    return job


def _classifier(setting: Setting) -> dict:
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
        "every": _EVERY,
        "bank": str(setting.scratch / "bank.safetensors"),
    }


def _pixels(width: int, height: int) -> Callable[[Setting], dict]:
    def job(setting: Setting) -> dict:
        return {
            "work": "preprocess",
            "size": 224,
            "package": str(setting.artefacts / "model.glint"),
            "input": _saved(setting, f"{width}x{height}", lambda: inputs.picture(width, height)),
            "shape": [height, width, 3],
        }

    return job


def _jpeg(width: int, height: int) -> Callable[[Setting], dict]:
    def job(setting: Setting) -> dict:
        path = setting.scratch / f"{width}x{height}.jpg"
        path.write_bytes(inputs.jpeg(width, height))
        return {
            "work": "preprocess-jpeg",
            "package": str(setting.artefacts / "model.glint"),
            "input": str(path),
        }

    return job


def _tokens(setting: Setting) -> dict:
    path = setting.scratch / "prompts.txt"
    path.write_text("\n".join(inputs.prompts(1000)))
    return {"work": "tokenize", "package": str(TINY_CLIP), "input": str(path)}


def _search(queries: int) -> Callable[[Setting], dict]:
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


def _tuning(setting: Setting) -> dict:
    made = inputs.labelled(classes=50, shots=16, pictures=500, width=512)
    return {"work": "tune"} | {
        name: _saved(setting, f"tune-{name}", lambda rows=rows: rows) for name, rows in made.items()
    }


def _head(name: str, patch: int) -> Callable[[Setting], dict]:
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


def _heads() -> list[Work]:
    alone = {"glint, the plain image tower": {"work": "encode-image"}}
    rows = [
        ("cocoop", 16, "ViT-B/16, an image and 1,000 names", "released loop (torch)", {}, True),
        ("maple", 16, "ViT-B/16, an image, 1,000 names ready", "torch eager", alone, False),
        ("tip", 32, "ViT-B/32, an image, 16,000 keys", "torch eager", alone, False),
    ]
    return [
        Work(
            name,
            group,
            title,
            {peer: f"engines.heads:{name}"} | more,
            _head(name, patch),
            np.float32,
            seconds=slow,
        )
        for group, (name, patch, title, peer, more, slow) in zip(HEADS, rows, strict=True)
    ]


def _lseg(work: str, name: str, make: Callable[[], np.ndarray]) -> Callable[[Setting], dict]:
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


def _segmentations() -> list[Work]:
    alone = {"glint, the image tower alone": {"work": "encode-map"}}
    window, photo = lambda: inputs.pixels(1, 480), lambda: inputs.picture(683, 512)
    shape, title = "ViT-L/16, 480 x 480", f"{LSEG_LABELS} labels"
    rows = [
        ("lseg-single", "segment", f"{shape}, {title}", "single", alone, window, False),
        ("lseg-head", "segment-map", f"{shape}, {title}", "head", {}, window, False),
        ("lseg-official", "segment-official", f"683 x 512, {title}", "official", {}, photo, True),
    ]
    return [
        Work(
            name,
            group,
            title,
            {"released formula (torch)": f"engines.lseg:{peer}"} | more,
            _lseg(work, "lseg-photo" if slow else "lseg-window", make),
            np.int64,
            seconds=slow,
        )
        for group, (name, work, title, peer, more, make, slow) in zip(LSEG, rows, strict=True)
    ]


def _from(module: str, engines: dict[str, str | dict]) -> dict[str, str | dict]:
    return {
        name: factory if isinstance(factory, dict) else f"engines.{module}:{factory}"
        for name, factory in engines.items()
    }


def all_works() -> list[Work]:
    towers = [
        Work(name, TOWERS, title, _from("towers", _TOWERS), _tower(tower, batch), np.float32)
        for name, title, tower, batch in [
            ("image-1", "image, B=1", "image", 1),
            ("image-8", "image, B=8", "image", 8),
            ("text-1", f"one text of {PROMPT_IDS} ids", "text", 1),
            ("text-32", f"32 texts of {PROMPT_IDS} ids", "text", 32),
        ]
    ]
    classifier = Work(
        "classifier",
        CLASSIFIER,
        f"8 of 80 templates, 1,000 names (ONNX Runtime: every {_EVERY}th text, times {_EVERY})",
        {
            "glint fast": {"precision": "fast"},
            "ONNX Runtime, 77 ids": "engines.towers:onnxruntime_padded",
            "glint, a saved class bank": {"work": "bank"},
        },
        _classifier,
        np.float32,
        seconds=True,
        share={"ONNX Runtime, 77 ids": 1 / _EVERY},
    )
    pixels = [
        Work(
            f"{name}-{width}x{height}",
            group,
            title,
            _from("pixels", engines),
            job(width, height),
            np.float32,
            one_thread=True,
        )
        for name, group, engines, job in [
            ("pixels", PIXELS, _PIXELS, _pixels),
            ("jpeg", JPEGS, _JPEGS, _jpeg),
        ]
        for title, (width, height) in inputs.SIZES.items()
    ]
    ids = Work(
        "ids", TOKENS, "1,000 prompts", _from("tokens", _TOKENS), _tokens, np.int64, True
    )
    search = [
        Work(f"search-{n}", SEARCH, title, _from("search", _SEARCH), _search(n), np.int64)
        for n, title in [(1, "one query"), (64, "64 queries")]
    ]
    tuning = Work(
        "tune",
        TUNING,
        "500 pictures, 800 keys, 50 classes",
        {"released loop (torch)": "engines.heads:tune"},
        _tuning,
        np.float32,
        seconds=True,
    )
    return [*towers, classifier, *_heads(), *_segmentations(), tuning, *pixels, ids, *search]


def difference(work: Work, theirs: np.ndarray, ours: np.ndarray) -> str:
    """In words, how a peer's result differs from ours."""
    if theirs.size != ours.size:
        return f"{theirs.size} numbers instead of {ours.size}"
    if work.group in (TOWERS, CLASSIFIER, *HEADS):  # each engine rounds in its own way: how far, not how often
        most = np.abs(theirs.astype(np.float64) - ours).max() / np.abs(ours).max()
        return f"largest difference {most:.0e} of the largest value"
    count = int((theirs != ours).sum())
    return "equal" if count == 0 else f"{count:,} of {ours.size:,} differ"
