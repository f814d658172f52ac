"""CLIP's tokenizer from the files that transformers saves, as the vocabulary of a package.

transformers keeps the vocabulary (token to id) and the merges apart; a package, as openai/CLIP,
has the merges alone, and the ids follow: 256 bytes, the same at the end of a word, one id a merge,
start and end.  A folder whose ids are any others is refused.

The package cleans text as open_clip and openai/CLIP do, which the weights were trained with.
transformers' CLIPTokenizer leaves out ftfy and HTML entities and spells the special tokens
<|startoftext|> and <|endoftext|>; for text without those, both give the same ids.
"""

import gzip
import io
from pathlib import Path
from typing import Any

from open_clip.tokenizer import SimpleTokenizer, bytes_to_unicode
from transformers import CLIPTokenizer

from .errors import ExportError, reason
from .folders import read_json

_PROBES = (
    "a photo of a cat.",
    "Two DOGS, it's 3:45 pm; they'll run 1000 miles!",
    "Bär 日本の猫 🐈",
)


def _read_split(folder: Path) -> tuple[dict[str, int], list[str]]:
    path = folder / "merges.txt"
    try:
        lines = path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ExportError(f"expected merges in {path}, got: {error}") from error
    merges = [x for x in lines if x and not x.startswith("#version")]
    return read_json(folder / "vocab.json"), merges


def _read_joined(path: Path) -> tuple[dict[str, int], list[str]]:
    model = read_json(path).get("model")
    if not isinstance(model, dict) or model.get("type") != "BPE":
        raise ExportError(f"expected a model of type BPE in {path}, got another tokenizer")
    vocabulary, merges = model.get("vocab"), model.get("merges")
    if not isinstance(vocabulary, dict) or not isinstance(merges, list):
        raise ExportError(f"expected model.vocab and model.merges in {path}, got none")
    return vocabulary, [x if isinstance(x, str) else " ".join(map(str, x)) for x in merges]


def _read_files(folder: Path) -> tuple[dict[str, int], list[str], Path]:
    if (folder / "tokenizer.json").is_file():
        path = folder / "tokenizer.json"
        return *_read_joined(path), path
    if (folder / "merges.txt").is_file():
        return *_read_split(folder), folder / "vocab.json"
    raise ExportError(
        f"expected tokenizer.json, or vocab.json and merges.txt, in {folder}, got neither"
    )


def _check_ids(vocabulary: dict[str, Any], merges: list[str], path: Path) -> None:
    for merge in merges:
        if len(merge.split()) != 2:
            raise ExportError(f"expected merges of two parts in {path}, got {merge!r}")
    letters = list(bytes_to_unicode().values())
    tokens = [*letters, *(x + "</w>" for x in letters), *("".join(x.split()) for x in merges)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    expected = dict(zip(tokens, range(len(tokens)), strict=True))
    wrong = [x for x in {**expected, **vocabulary} if expected.get(x) != vocabulary.get(x)]
    if wrong:
        token = wrong[0]
        raise ExportError(
            f"expected the id {expected.get(token, 'of no token')} for {token!r} by the merges, "
            f"as in CLIP's vocabulary, got {vocabulary.get(token, 'none')} in {path} "
            f"({len(wrong)} differ)"
        )


def _check_behaviour(tokenizer: SimpleTokenizer, folder: Path) -> None:
    """The folder's tokenizer, as transformers runs it, on text that both clean alike."""
    try:
        theirs = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
        got = [theirs(text).input_ids for text in _PROBES]
    except Exception as error:
        raise ExportError(f"expected a CLIPTokenizer in {folder}, got: {reason(error)}") from error
    for text, ids in zip(_PROBES, got, strict=True):
        ours = [tokenizer.sot_token_id, *tokenizer.encode(text), tokenizer.eot_token_id]
        if ids != ours:
            raise ExportError(
                f"expected the ids {ours} of {text!r} from the tokenizer in {folder}, got {ids}"
            )


def load_tokenizer(folder: Path, context: int, tokens: int) -> tuple[SimpleTokenizer, bytes]:
    """(open_clip's tokenizer with the folder's merges, the vocabulary file of the package).

    context: ids a text may have; tokens: embeddings that the text tower has.
    """
    vocabulary, merges, path = _read_files(folder)
    _check_ids(vocabulary, merges, path)
    if tokens != len(vocabulary):
        raise ExportError(
            f"expected {len(vocabulary)} token embeddings, the tokens in {path}, "
            f"got vocab_size {tokens} in config.json"
        )
    data = gzip.compress("\n".join(["#version: 0.2", *merges]).encode(), mtime=0)
    tokenizer = SimpleTokenizer(io.BytesIO(data), context_length=context)
    _check_behaviour(tokenizer, folder)
    return tokenizer, data
