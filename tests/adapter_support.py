"""The released code's checkpoints in golden/adapter_checkpoints, and what it answers with them."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import torch
from glint_export.__main__ import main
from glint_export.adapters import dassl
from glint_export.adapters.base import About, Base

GOLDEN = Path(__file__).resolve().parent / "golden"
CHECKPOINTS = GOLDEN / "adapter_checkpoints"
ANSWERS = json.loads((GOLDEN / "adapter_checkpoints.json").read_text())
CLASSES = ANSWERS["cases"]["coop"]["classes"]
BATCHES = (1, 3, 8)


@dataclass(frozen=True)
class Case:
    """How a checkpoint is imported."""

    family: str
    folder: str
    base: str = "adapters"
    classes: bool = False
    template: bool = False
    options: list[str] = field(default_factory=list)


_NUMBERS = ["--alpha", str(ANSWERS["alpha"]), "--beta", str(ANSWERS["beta"])]
_WORDS = ["--ctx-init", ANSWERS["words"]]
CASES = {
    "coop": Case("coop", "coop", classes=True),
    "coop_middle": Case("coop", "coop_middle", options=["--class-token-position", "middle"]),
    "coop_own": Case(
        "coop", "coop_own", classes=True, options=["--class-token-position", "front"]
    ),
    "cocoop": Case("cocoop", "cocoop", classes=True),
    "maple": Case("maple", "maple", "prompts", classes=True, options=_WORDS),
    "ivlp": Case("maple", "ivlp", "prompts", options=_WORDS),
    "vpt": Case("maple", "vpt", "prompts"),
    "clip_adapter": Case("clip-adapter", "clip_adapter", template=True),
    "tip_adapter": Case("tip-adapter", "tip_adapter", classes=True, template=True, options=_NUMBERS),
    "tip_adapter_f": Case(
        "tip-adapter", "tip_adapter", classes=True, template=True,
        options=[*_NUMBERS, "--fine-tuned"],
    ),
}  # fmt: skip


def base_folder(name: str) -> Path:
    return GOLDEN / "packages" / f"{name}.glint"


def base(name: str) -> Base:
    return Base(base_folder(name))


def package_name(case: str) -> str:
    return case.replace("_", "-")


def import_case(case: str, out: Path, *more: object, checkpoint: Path | None = None) -> int:
    """Runs the exporter on a case, or on another checkpoint in its way; the exit status."""
    its = CASES[case]
    files = {"classes": CLASSES, "templates": [ANSWERS["template"]]}
    for name, strings in files.items():
        (out.parent / f"{name}.json").write_text(json.dumps(strings))
    arguments = [its.family, "--checkpoint", checkpoint or CHECKPOINTS / its.folder]
    arguments += ["--base", base_folder(its.base), "--out", out, *its.options]
    for wanted, name in ((its.classes, "classes"), (its.template, "templates")):
        arguments += [f"--{name}", out.parent / f"{name}.json"] if wanted else []
    return main([str(argument) for argument in (*arguments, *more)])


def about(classes=()):
    return About("adapted", "MIT", {}, classes)


def draw(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3))


def state_of(case: str) -> dict[str, torch.Tensor]:
    network = next(p for p in (CHECKPOINTS / case).iterdir() if p.is_dir())
    return dict(dassl.read(network, ()).state)


class Evil:
    """Pickled, a call of a function."""

    def __init__(self, *made):
        self.made = made

    def __reduce__(self):
        return self.made
