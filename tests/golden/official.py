"""What make_adapters.py and make_prompts.py share: released research code, imported without what it
needs for training, and the small world that it runs in."""

import gzip
import importlib.util
import io
import sys
import types
from pathlib import Path

import numpy as np
import torch
from open_clip.tokenizer import default_bpe
from PIL import Image

MERGES = 250  # of the published ones, and the one that joins ")" and "."
CONTEXT, SIDE, PATCH = 77, 16, 8
PICTURES = 8

# Imported by the released modules, and used in training only.
_STUBS = {
    "dassl": [],
    "dassl.engine": ["TRAINER_REGISTRY", "TrainerX"],
    "dassl.metrics": ["compute_accuracy"],
    "dassl.utils": ["load_pretrained_weights", "load_checkpoint"],
    "dassl.optim": ["build_optimizer", "build_lr_scheduler"],
    "datasets": ["build_dataset"],
    "datasets.utils": ["build_data_loader"],
    "yaml": [],
}


def stub_imports() -> None:
    torch.Tensor.cuda = lambda self, *_, **__: self
    for name, members in _STUBS.items():
        module = types.ModuleType(name)
        for member in members:
            setattr(module, member, type(member, (), {}))
        sys.modules[name] = module
    sys.modules["dassl.engine"].TRAINER_REGISTRY.register = lambda: lambda kind: kind


def load(path: Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(f"official_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def randomise(
    model: torch.nn.Module, widths: set[int], generator: torch.Generator
) -> torch.nn.Module:
    """Near unit variance through every layer, norms and biases too; exact in half precision.

    `widths`: of the towers.
    """
    for weight in model.parameters():
        spread = 0.3 if weight.ndim < 2 else weight[0].numel() ** -0.5
        mean = 1.0 if weight.ndim == 1 and weight.numel() in widths else 0.0
        weight.data.normal_(mean, spread, generator=generator)
        weight.data = weight.data.to(torch.float16).float()
    model.logit_scale.data = torch.tensor(100.0).log()  # the scale that Tip-Adapter writes out
    return model.eval()


def vocabulary() -> bytes:
    lines = gzip.open(default_bpe()).read().decode().split("\n")
    return gzip.compress("\n".join([*lines[: MERGES + 1], ") .</w>"]).encode(), mtime=0)


def pictures() -> dict[str, bytes]:
    files = {}
    for i in range(PICTURES):
        y, x = np.mgrid[0:SIDE, 0:SIDE]
        planes = [(x * (3 + i) + 9 * y) % 256, (y * (5 * i) + x * x) % 256, (x * y + 31 * i) % 256]
        buffer = io.BytesIO()
        Image.fromarray(np.stack(planes, axis=2).astype(np.uint8)).save(buffer, "PNG")
        files[f"{i}.png"] = buffer.getvalue()
    return files
