"""State dicts: reading them from files without running code, and fitting them onto modules."""

import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from .errors import ExportError

StateDict = dict[str, Tensor]


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


def load_strictly(module: nn.Module, state: StateDict, source: str) -> None:
    """Loads `state` in the module's types.

    One ExportError names every tensor that is missing, unexpected, misshapen or not finite.
    """
    expected = module.state_dict()
    problems = [f"{name} is missing" for name in expected if name not in state]
    problems += [f"{name} is unexpected" for name in state if name not in expected]
    for name in expected.keys() & state.keys():
        got, shape = state[name], list(expected[name].shape)
        if list(got.shape) != shape:
            problems.append(f"{name} is {list(got.shape)}, expected {shape}")
        elif got.is_floating_point() != expected[name].is_floating_point():
            problems.append(f"{name} is {got.dtype}, expected {expected[name].dtype}")
        elif not torch.isfinite(got).all():
            problems.append(f"{name} has values that are not finite")
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
