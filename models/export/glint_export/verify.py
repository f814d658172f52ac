"""Runs a written package again and compares it with the reference implementation.

The towers come from disk, as a reader gets them.  Images at batches 1, 3 and 8; texts of lengths
from 2 to the context at the same batches, at the exact length and padded to the context, and
through both ways in (ids, embeddings).
"""

from typing import Any

import torch
from torch import Tensor

from . import pictures
from .errors import ExportError, progress
from .package import Package
from .preprocess import transform
from .reference import Golden, Reference, open_picture, padded

EMBEDDING_BOUND = 1e-5  # max abs difference / max abs value
LOGIT_BOUND = 1e-4  # absolute
BATCHES = (1, 3, 8)


def relative_difference(got: Tensor, expected: Tensor) -> float:
    return float((got - expected).abs().max() / expected.abs().max())


def _compare(stage: str, got: Any, expected: Tensor) -> float:
    if not isinstance(got, Tensor):
        raise ExportError(f"expected a tensor from the {stage}, got {type(got).__name__}")
    if got.dtype != torch.float32 or got.shape != expected.shape:
        raise ExportError(
            f"expected float32 {list(expected.shape)} from the {stage}, "
            f"got {str(got.dtype).removeprefix('torch.')} {list(got.shape)}"
        )
    difference = relative_difference(got, expected)
    if not difference <= EMBEDDING_BOUND:  # NaN fails too
        raise ExportError(
            f"expected the {stage} within {EMBEDDING_BOUND:g} of the reference implementation "
            f"(max abs difference / max abs value), got {difference:.3g}"
        )
    return difference


def _run(stage: str, method: Any, *inputs: Tensor) -> Any:
    try:
        return method(*inputs)
    except Exception as error:  # torch.jit raises many kinds
        lines = str(error).strip().splitlines() or [type(error).__name__]  # the last line says what
        raise ExportError(f"expected the {stage} to run, got: {lines[-1]}") from error


def check_image(tower: torch.jit.ScriptModule, reference: Reference, size: list[int]) -> float:
    pixels = pictures.steady_noise(reference.steady, max(BATCHES), *size)
    expected = reference.image(pixels)
    worst = 0.0
    for batch in BATCHES:
        stage = f"image tower at batch {batch}"
        worst = max(worst, _compare(stage, _run(stage, tower, pixels[:batch]), expected[:batch]))
    return worst


def check_text(tower: torch.jit.ScriptModule, reference: Reference, width: int) -> float:
    tokenizer = reference.tokenizer
    context = tokenizer.context_length
    # Longest text first, so that the batch of one is not the trivial one.
    rows = pictures.random_ids(
        max(BATCHES), context, tokenizer.sot_token_id, tokenizer.eot_token_id
    )[::-1]
    expected = reference.text(padded(rows, context))
    groups = [(i, i + 1, len(row)) for i, row in enumerate(rows)]  # alone, at exact length
    groups += [(0, batch, context) for batch in BATCHES]
    groups += [(len(rows) - batch, len(rows), len(rows[-batch])) for batch in BATCHES]
    worst = 0.0
    for first, last, length in dict.fromkeys(groups):
        ids = padded(rows[first:last], length)
        eot = torch.tensor([len(row) - 1 for row in rows[first:last]])
        stage = f"text tower at batch {len(ids)}, length {length}"
        got = _run(stage, tower, ids)
        worst = max(worst, _compare(stage, got, expected[first:last]))
        embeddings = _run(stage + ", embed", tower.embed, ids)
        if embeddings.dtype != torch.float32 or embeddings.shape != (*ids.shape, width):
            raise ExportError(
                f"expected float32 [{len(ids)}, {length}, {width}] from embed of the {stage}, "
                f"got {str(embeddings.dtype).removeprefix('torch.')} {list(embeddings.shape)}"
            )
        stage += ", forward_embedded"
        got = _run(stage, tower.forward_embedded, embeddings, eot)
        worst = max(worst, _compare(stage, got, expected[first:last]))
    return worst


@torch.no_grad()
def check_calls(package: Package, calls: list[Any]) -> None:
    """Repeats the recorded calls (parts.Call) with the towers as they lie on disk."""
    for call in calls:
        stage = f"method {call.method} of {call.tower}"
        got = _run(stage, getattr(package.tower(call.tower), call.method), *call.inputs.values())
        outputs = got if isinstance(got, tuple) else (got,)
        if len(outputs) != len(call.outputs):
            raise ExportError(
                f"expected {len(call.outputs)} tensors from the {stage}, got {len(outputs)}"
            )
        for value, (name, expected) in zip(outputs, call.outputs.items(), strict=True):
            _compare(f"{name} of the {stage}", value, expected)


def _check_preprocess(manifest: dict, golden: Golden, files: dict[str, bytes]) -> None:
    again = transform(manifest["preprocess"]["default"])
    for (name, data), pixels in zip(files.items(), golden.pixels, strict=True):
        if not torch.equal(again(open_picture(name, data)), pixels):
            raise ExportError(
                f"expected equal pixels of {name} from the manifest's preprocess and the "
                f"reference's, got different ones"
            )


def _check_golden_image(image: Any, golden: Golden) -> Tensor:
    got = image(torch.stack(golden.pixels))
    _compare("image tower on the reference pictures", got, golden.image_embedding)
    return got


def _check_golden_text(
    got_image: Tensor | None, text: Any, reference: Reference, golden: Golden
) -> float:
    got_text = torch.cat([text(torch.tensor([ids])) for ids in golden.ids])
    _compare("text tower on the reference texts", got_text, golden.text_embedding)
    if got_image is None:
        return 0.0
    difference = float((reference.logits(got_image, got_text) - golden.logits).abs().max())
    if not difference <= LOGIT_BOUND:
        raise ExportError(
            f"expected the logits within {LOGIT_BOUND:g} of the reference implementation, "
            f"got {difference:.3g}"
        )
    return difference


@torch.no_grad()
@torch.jit.optimized_execution(
    False
)  # specialising the graph for every shape costs more than it saves
def verify(package: Package, reference: Reference, golden: Golden, files: dict[str, bytes]) -> None:
    """Compares everything; ExportError says which stage differs, by how much, and the bound."""
    manifest = package.manifest
    _check_preprocess(manifest, golden, files)
    got_image, worst_image = None, 0.0
    if reference.image is not None:
        image = package.tower("image")
        progress("verifying the image tower")
        worst_image = check_image(image, reference, manifest["preprocess"]["default"]["size"])
        got_image = _check_golden_image(image, golden)
    if "text" not in manifest["towers"]:
        progress(f"verified: image {worst_image:.1e}")
        return
    progress("verifying the text tower")
    text = package.tower("text")
    width = manifest["towers"]["text"]["methods"]["embed"]["outputs"][0]["shape"][2]
    worst_text = check_text(text, reference, width)
    worst_logit = _check_golden_text(got_image, text, reference, golden)
    progress(f"verified: image {worst_image:.1e}, text {worst_text:.1e}, logits {worst_logit:.1e}")
