"""What peers.py times: each work, who does it, and how results are compared."""

from collections.abc import Callable
from dataclasses import dataclass, field

import inputs
import jobs
import numpy as np
from head_towers import LSEG as LSEG_TOWER
from head_towers import MAPLE
from jobs import EVERY, LSEG_LABELS, PROMPT_IDS, Setting

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
_HEAD_TOWERS = {
    name: _TOWERS[name]
    for name in (
        "glint fast",
        "torch eager",
        "torch.compile",
        "ONNX Runtime",
        "OpenVINO f32",
        "OpenVINO bf16",
    )
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
_PHOTOS = {
    "glint, the image tower alone": {"work": "encode-image"},
    "Pillow, open_clip, torch eager": "top_five",
}
_LOAD = {
    "glint fast": {"precision": "fast"},
    "glint compact": {"precision": "compact"},
    "hashlib and torch.jit.load": "load",
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
PHOTOS = "JPEG to the best five of 1,000"
CLASSIFIER = "texts of a classifier"
LOAD = "a package to a model"
HEAD_TOWERS = "image towers of heads"
HEADS = ("CoCoOp", "MaPLe", "Tip-Adapter")
PIXELS = "picture to 3 x 224 x 224"
JPEGS = "JPEG to 3 x 224 x 224"
TOKENS = "texts to ids"
SEARCH = "top 10"
TUNING = "alpha and beta of Tip-Adapter"
WITH_A_MODEL = (TOWERS, PHOTOS, CLASSIFIER, LOAD)  # of --arch
LSEG = ("LSeg, a single pass", "LSeg, the head alone", "LSeg, the official protocol")


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


def _head_towers() -> list[Work]:
    rows = [
        ("tower-maple", "MaPLe, ViT-B/16", MAPLE, "encode-prompted", "maple", 224),
        ("tower-lseg", "LSeg, ViT-L/16, 480 x 480", LSEG_TOWER, "encode-map", "lseg", 480),
    ]
    return [
        Work(
            name,
            HEAD_TOWERS,
            title,
            _from("towers", _HEAD_TOWERS),
            jobs.head_tower(tower, work, package, size),
            np.float32,
        )
        for name, title, tower, work, package, size in rows
    ]


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
            jobs.head(name, patch),
            np.float32,
            seconds=slow,
        )
        for group, (name, patch, title, peer, more, slow) in zip(HEADS, rows, strict=True)
    ]


def _segmentations() -> list[Work]:
    fast = {"glint fast": {"precision": "fast"}}
    alone = fast | {"glint, the image tower alone": {"work": "encode-map"}}
    window, photo = lambda: inputs.pixels(1, 480), lambda: inputs.picture(683, 512)
    shape, title = "ViT-L/16, 480 x 480", f"{LSEG_LABELS} labels"
    rows = [
        ("lseg-single", "segment", f"{shape}, {title}", "single", alone, window, False),
        ("lseg-head", "segment-map", f"{shape}, {title}", "head", {}, window, False),
        ("lseg-official", "segment-official", f"683 x 512, {title}", "official", fast, photo, True),
    ]
    return [
        Work(
            name,
            group,
            title,
            {"released formula (torch)": f"engines.lseg:{peer}"} | more,
            jobs.lseg(work, "lseg-photo" if slow else "lseg-window", make),
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


def _packages() -> list[Work]:
    """What is done with a whole package, from files and texts."""
    photos = [
        Work(name, PHOTOS, title, _from("photos", _PHOTOS), jobs.photo(batch, tier), np.int64)
        for name, title, batch, tier in [
            ("photo", "one, exact", 1, "exact"),
            ("photo-fast", "one, fast", 1, "fast"),
            ("photo-compact", "one, compact", 1, "compact"),
            ("photo-8", "8, exact", 8, "exact"),
        ]
    ]
    classifier = Work(
        "classifier",
        CLASSIFIER,
        f"8 of 80 templates, 1,000 names (ONNX Runtime: every {EVERY}th text, times {EVERY})",
        {
            "glint fast": {"precision": "fast"},
            "ONNX Runtime, 77 ids": "engines.towers:onnxruntime_padded",
            "glint, a saved class bank": {"work": "bank"},
        },
        jobs.classifier,
        np.float32,
        seconds=True,
        share={"ONNX Runtime, 77 ids": 1 / EVERY},
    )
    load = Work(
        "load", LOAD, "files in the cache", _from("packages", _LOAD), jobs.load, np.int64
    )
    return [*photos, classifier, load]


def _pictures() -> list[Work]:
    return [
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
            ("pixels", PIXELS, _PIXELS, jobs.pixels),
            ("jpeg", JPEGS, _JPEGS, jobs.jpeg),
        ]
        for title, (width, height) in inputs.SIZES.items()
    ]


def all_works() -> list[Work]:
    towers = [
        Work(name, TOWERS, title, _from("towers", _TOWERS), jobs.tower(tower, batch), np.float32)
        for name, title, tower, batch in [
            ("image-1", "image, B=1", "image", 1),
            ("image-8", "image, B=8", "image", 8),
            ("text-1", f"one text of {PROMPT_IDS} ids", "text", 1),
            ("text-32", f"32 texts of {PROMPT_IDS} ids", "text", 32),
        ]
    ]
    tuning = Work(
        "tune",
        TUNING,
        "500 pictures, 800 keys, 50 classes",
        {"released loop (torch)": "engines.heads:tune"},
        jobs.tuning,
        np.float32,
        seconds=True,
    )
    ids = Work(
        "ids", TOKENS, "1,000 prompts", _from("tokens", _TOKENS), jobs.tokens, np.int64, True
    )
    search = [
        Work(f"search-{n}", SEARCH, title, _from("search", _SEARCH), jobs.search(n), np.int64)
        for n, title in [(1, "one query"), (64, "64 queries")]
    ]
    middle = [*_head_towers(), *_heads(), *_segmentations(), tuning, *_pictures()]
    return [*towers, *_packages(), *middle, ids, *search]


def difference(work: Work, theirs: np.ndarray, ours: np.ndarray) -> str:
    """In words, how a peer's result differs from ours."""
    if theirs.size != ours.size:
        return f"{theirs.size} numbers instead of {ours.size}"
    # Each engine rounds in its own way: how far, not how often.
    if work.group in (TOWERS, CLASSIFIER, HEAD_TOWERS, *HEADS):
        most = np.abs(theirs.astype(np.float64) - ours).max() / np.abs(ours).max()
        return f"largest difference {most:.0e} of the largest value"
    count = int((theirs != ours).sum())
    return "equal" if count == 0 else f"{count:,} of {ours.size:,} differ"
