"""Packages of what evaluate_adapters.py trained, read from its checkpoints by the importers."""

from pathlib import Path

import captions
import torch
from few_shot import SHOTS
from glint_export import ExtensionParts, write_extension
from glint_export.adapters import clip_adapter, cocoop, coop, maple, tip_adapter
from glint_export.adapters.base import About, Base
from learners import TEMPLATE, MapleLearner
from tip import Cache
from tiny_parts import LICENCE, exporter
from torch.nn import functional as F
from train_adapter import RATIO


def save_caches(plain: Cache, tuned: Cache, folder: Path) -> None:
    """The three files of the released code."""
    folder.mkdir(parents=True, exist_ok=True)
    one_hot = F.one_hot(plain.labels, len(captions.CLASSES)).half()
    torch.save(plain.keys.T.half(), folder / f"keys_{SHOTS}shots.pt")
    torch.save(one_hot, folder / f"values_{SHOTS}shots.pt")
    torch.save(torch.nn.Parameter(tuned.keys.half()), folder / f"best_F_{SHOTS}shots.pt")


def parts_of(method: str, folder: Path, base: Base, about: About, found: dict) -> ExtensionParts:
    if method == "coop":
        return coop.read(base, about, folder, "end")
    if method == "cocoop":
        return cocoop.read(base, about, folder)
    if method == "maple":
        return maple.read(base, about, folder, MapleLearner.words)
    if method == "clip_adapter":
        return clip_adapter.read(base, about, folder, RATIO, [TEMPLATE])
    numbers = found["alpha"], found["beta"]
    trained = method == "tip_adapter_f"
    return tip_adapter.read(base, about, folder, SHOTS, trained, numbers, [TEMPLATE])


def write(method: str, folder: Path, base: Path, seed: int, found: dict, out: Path) -> None:
    """OUT/BASE-METHOD.glint, in the place of an older one."""
    its = Base(base)
    name = f"{its.package.manifest['name']}-{method.replace('_', '-')}"
    about = About(
        name=name,
        licence=LICENCE,
        provenance={
            "weights": f"models/tiny/evaluate_adapters.py, {SHOTS} shots a class, seed {seed}",
            "exporter": exporter("adapter_packages.py"),
        },
        # A cache answers for its classes alone; prompts and adapters take any words.
        classes=captions.CLASSES if method.startswith("tip") else (),
    )
    parts = parts_of(method, folder, its, about, found)
    write_extension(out / f"{name}.glint", parts, force=True)
