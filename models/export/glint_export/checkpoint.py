"""State dicts: reading them from files without running code, and fitting them onto modules."""

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from .errors import ExportError

StateDict = dict[str, Tensor]
Shape = Sequence[int | str]


def read_state_dict(path: Path) -> StateDict:
    """The tensors of a .safetensors, .pt or .bin file.

    Also of a training checkpoint {"state_dict": ...}, and without the "module." that data-parallel
    training puts before every name (open_clip/factory.py, load_state_dict).
    """
    try:
        if path.suffix == ".safetensors":
            content = load_file(path)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore", UserWarning
                )  # that it is TorchScript: then an error
                content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler lets many kinds through
        reason = re.split(r"\. |\n", str(error).strip(), maxsplit=1)[0] or type(error).__name__
        raise ExportError(f"expected a state dict in {path}, got: {reason}") from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not content:
        raise ExportError(f"expected a state dict in {path}, got {type(content).__name__}")
    bad = [str(k) for k, v in content.items() if not (isinstance(k, str) and isinstance(v, Tensor))]
    if bad:
        raise ExportError(f"expected only tensors in {path}, got other values: {', '.join(bad)}")
    if all(name.startswith("module.") for name in content):
        content = {name.removeprefix("module."): value for name, value in content.items()}
    return content


def _misnamed(state: StateDict, expected: Iterable[str], optional: Iterable[str] = ()) -> list[str]:
    required, allowed = set(expected) - set(optional), {*expected, *optional}
    problems = [f"{name} is missing" for name in required if name not in state]
    return problems + [f"{name} is unexpected" for name in state if name not in allowed]


def _misfit(name: str, got: Tensor, shape: Shape, dtype: torch.dtype = torch.float32) -> list[str]:
    """What is wrong with a tensor; a size that is a word stands for any."""
    sizes = zip(got.shape, shape, strict=False)
    if got.ndim != len(shape) or any(isinstance(n, int) and m != n for m, n in sizes):
        return [f"{name} is {list(got.shape)}, expected [{', '.join(map(str, shape))}]"]
    if got.is_floating_point() != dtype.is_floating_point:
        return [f"{name} is {got.dtype}, expected {dtype}"]
    if 0 in got.shape:
        return [f"{name} is {list(got.shape)}, which is empty"]
    if not torch.isfinite(got.float()).all():  # f64 has finite ones beyond f32's
        return [f"{name} has values that are not finite"]
    return []


def check_shapes(
    state: StateDict, expected: dict[str, Shape], source: str, optional: Iterable[str] = ()
) -> dict[str, int]:
    """The sizes that the words in `expected` stand for; the same word is the same size.

    One ExportError names every tensor that is missing (unless it is one of `optional`, which are
    not looked into), unexpected, misshapen, no floating-point numbers or not finite.
    """
    problems = _misnamed(state, expected, optional)
    sizes: dict[str, int] = {}
    for name, shape in expected.items():
        if name not in state:
            continue
        known = tuple(sizes.get(n, n) if isinstance(n, str) else n for n in shape)
        wrong = _misfit(name, state[name], known)
        problems += wrong
        if not wrong:
            sizes |= {n: m for n, m in zip(known, state[name].shape, strict=True) if n != m}
    if problems:
        raise ExportError(
            f"expected the tensors {', '.join(expected)} in {source}, "
            f"got: {'; '.join(sorted(problems))}"
        )
    return sizes


def load_strictly(module: nn.Module, state: StateDict, source: str) -> None:
    """Loads `state` in the module's types.

    One ExportError names every tensor that is missing, unexpected, misshapen or not finite.
    """
    expected = module.state_dict()
    problems = _misnamed(state, expected)
    for name in expected.keys() & state.keys():
        problems += _misfit(name, state[name], expected[name].shape, expected[name].dtype)
    if problems:
        raise ExportError(
            f"expected the {len(expected)} tensors of the architecture in {source}, "
            f"got: {'; '.join(sorted(problems))}"
        )
    module.load_state_dict({k: v.to(expected[k].dtype) for k, v in state.items()}, assign=True)


def stored_tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """What a package stores in the storage type: parameters, and buffers that are not integers."""
    yield from module.named_parameters()
    yield from ((name, x) for name, x in module.named_buffers() if x.is_floating_point())


def round_to_half(module: nn.Module) -> None:
    """Every stored tensor to the nearest f16 values, kept in f32."""
    with torch.no_grad():
        for _, tensor in stored_tensors(module):
            tensor.copy_(tensor.half())
