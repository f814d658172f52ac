"""What peers.py times: each work, who does it, and how results are compared."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import inputs
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
TINY_CLIP = ROOT / "models" / "tiny-clip.glint"
PROMPT_IDS = 10  # "a photo of a golden retriever." with the start and end token
_TOWERS = {
    "glint fast": "glint fast",
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
_TOKENS = {"Hugging Face tokenizers": "tokenizers", "open_clip": "open_clip"}
_SEARCH = {"faiss flat": "faiss", "usearch exact": "usearch", "torch": "torch", "numpy": "numpy"}


# Groups of works, each a table.
TOWERS = "towers"
PIXELS = "picture to 3 x 224 x 224"
TOKENS = "texts to ids"
SEARCH = "top 10"


@dataclass(frozen=True)
class Setting:
    """What the command line decides."""

    scratch: Path  # inputs and results
    artefacts: Path  # made by artefacts.py
    rows: int  # of the searched matrix
    threads: int


@dataclass(frozen=True)
class Work:
    name: str  # for --only
    group: str  # a table
    title: str  # a column of it
    engines: dict[str, str]  # shown name -> MODULE:FACTORY for harness/worker.py, or "glint
    # PRECISION" for glint's own worker
    job: Callable[[Setting], dict]  # writes the inputs; what every engine is told
    dtype: type  # of a result's numbers
    one_thread: bool = False

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


def _from(module: str, engines: dict[str, str]) -> dict[str, str]:
    return {
        name: factory if factory.startswith("glint ") else f"engines.{module}:{factory}"
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
    pixels = [
        Work(
            f"pixels-{width}x{height}",
            PIXELS,
            title,
            _from("pixels", _PIXELS),
            _pixels(width, height),
            np.float32,
            one_thread=True,
        )
        for title, (width, height) in inputs.SIZES.items()
    ]
    ids = Work(
        "ids", TOKENS, "1,000 prompts", _from("tokens", _TOKENS), _tokens, np.int64, True
    )
    search = [
        Work(f"search-{n}", SEARCH, title, _from("search", _SEARCH), _search(n), np.int64)
        for n, title in [(1, "one query"), (64, "64 queries")]
    ]
    return [*towers, *pixels, ids, *search]


def difference(work: Work, theirs: np.ndarray, ours: np.ndarray) -> str:
    """In words, how a peer's result differs from ours."""
    if theirs.size != ours.size:
        return f"{theirs.size} numbers instead of {ours.size}"
    if work.group == TOWERS:  # each engine rounds in its own way: how far, not how often
        most = np.abs(theirs.astype(np.float64) - ours).max() / np.abs(ours).max()
        return f"largest difference {most:.0e} of the largest value"
    count = int((theirs != ours).sum())
    return "equal" if count == 0 else f"{count:,} of {ours.size:,} differ"
