"""Texts to ids: Hugging Face tokenizers, open_clip.

job: {"input": file with a text a line, "threads": N}
A result is [texts, 77] i64, filled up with zeros.
"""

import gzip
import json
import tempfile
from pathlib import Path

import numpy as np

CONTEXT = 77


def _texts(job: dict) -> list[str]:
    return Path(job["input"]).read_text().splitlines()


def _padded(rows) -> np.ndarray:
    ids = np.zeros((len(rows), CONTEXT), np.int64)
    for line, row in zip(ids, rows, strict=True):
        line[: len(row)] = row
    return ids


def _write_vocabulary(folder: str) -> None:
    """vocab.json and merges.txt, as openai/clip-vit-base-patch32 publishes them."""
    from open_clip.tokenizer import SimpleTokenizer, default_bpe

    lines = gzip.decompress(Path(default_bpe()).read_bytes()).decode().split("\n")
    ids = dict(SimpleTokenizer().encoder)
    for word in ("start", "end"):
        ids[f"<|{word}oftext|>"] = ids.pop(f"<{word}_of_text>")
    Path(folder, "vocab.json").write_text(json.dumps(ids))
    merges = ["#version: 0.2", *lines[1 : 49152 - 256 - 2 + 1]]
    Path(folder, "merges.txt").write_text("\n".join(merges) + "\n")


def tokenizers(job: dict):
    """The Rust library itself, its fastest call for many texts."""
    from transformers import CLIPTokenizer

    with tempfile.TemporaryDirectory() as folder:
        _write_vocabulary(folder)
        fast = CLIPTokenizer.from_pretrained(folder).backend_tokenizer
    fast.enable_truncation(CONTEXT)
    fast.no_padding()
    texts = _texts(job)
    return lambda: fast.encode_batch_fast(texts), lambda rows: _padded([row.ids for row in rows])


def open_clip(job: dict):
    from open_clip import SimpleTokenizer

    tokenizer = SimpleTokenizer(context_length=CONTEXT)
    texts = _texts(job)
    return lambda: tokenizer(texts), lambda ids: ids.numpy().astype(np.int64)
