"""Imported checkpoints answer what the released code answers with them, by the towers in Python and
by the program.

Logits of up to 100 in f32: the bound is the contract's 1e-4.  The checkpoints' numbers are exact in
half precision, so nothing was rounded on the way.
"""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from adapter_support import (
    ANSWERS,
    BATCHES,
    CASES,
    base,
    base_folder,
    import_case,
    package_name,
)
from glint_export.package import Package
from safetensors.torch import load_file
from torch.nn import functional as F

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = Path(os.environ.get("GLINT_PROGRAM", ROOT / "build/release/bin/glint"))
BOUND = 1e-4


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("imported")
    for case in CASES:
        assert import_case(case, folder / f"{package_name(case)}.glint") == 0, case
    return folder


def difference(got, expected):
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape
    return float(np.abs(got - expected).max())


class Towers:
    """A package's heads, written out on its base's towers."""

    def __init__(self, folder, base_name):
        self.base = base(base_name)
        self.package = Package(folder, [self.base.package])
        heads = self.package.manifest["tasks"]["classify"]["heads"]
        self.head = heads[-1]
        self.tensors = {
            name: tensor.float() if tensor.is_floating_point() else tensor
            for name, tensor in load_file(self.package.file(self.head["tensors"])).items()
        }
        self.numbers = self.head.get("parameters", {})
        self.scale = self.package.manifest["logit"]["scale"]

    def unit_texts(self, rows, method="forward_embedded", *more):
        """Rows [L, width] of texts that end with the end token -> [K, D]."""
        method = getattr(self.base.text, method)
        made = [method(x[None], torch.tensor([len(x) - 1]), *more) for x in rows]
        return F.normalize(torch.cat(made), dim=1)

    def named(self, name, count, template="{}."):
        """(the start's row, the rows behind the vectors) of a text."""
        text = "X " * count + template.format(name.replace("_", " "))
        rows = self.base.rows(self.base.ids(text))
        return rows[:1], rows[1 + count :]

    def coop_rows(self, name, context):
        start, rest = self.named(name, len(context))
        size = len(self.base.tokenizer.encode(name.replace("_", " ")))
        before = {"end": len(context), "middle": len(context) // 2, "front": 0}
        first = before[self.numbers["class_token_position"]]
        if first == len(context):
            size = 0
        return torch.cat([start, context[:first], rest[:size], context[first:], rest[size:]])

    def coop(self, pixels, names):
        contexts = self.tensors["context"].expand(len(names), *self.tensors["context"].shape[-2:])
        rows = [self.coop_rows(*one) for one in zip(names, contexts, strict=True)]
        return self.scale * F.normalize(self.base.image(pixels), dim=1) @ self.unit_texts(rows).T

    def cocoop(self, pixels, names):
        logits = []
        for unit in F.normalize(self.base.image(pixels), dim=1):
            shift = self.package.tower("meta_net")(unit[None])
            context = self.tensors["context"] + shift
            named = [self.named(name, len(context)) for name in names]
            rows = [torch.cat([start, context, rest]) for start, rest in named]
            logits.append(self.scale * self.unit_texts(rows) @ unit)
        return torch.stack(logits)

    def maple(self, pixels, names):
        text, image = (self.tensors.get(f"{tower}_prompts") for tower in ("text", "image"))
        count = text.shape[1] if text is not None else 0
        rows = [torch.cat(self.named(n, count, self.numbers["template"])) for n in names]
        if count:
            pads = torch.zeros(count, rows[0].shape[1])
            rows = [torch.cat([x[:1], pads, x[1:]]) for x in rows]
            texts = self.unit_texts(rows, "forward_prompted", text)
        else:
            texts = self.unit_texts(rows)
        images = self.base.image(pixels) if image is None else self.prompted(pixels, image)
        return self.scale * F.normalize(images, dim=1) @ texts.T

    def prompted(self, pixels, prompts):
        return self.base.image.forward_prompted(pixels, prompts)

    def zero_shot(self, names):
        (template,) = self.package.templates()
        return self.unit_texts([torch.cat(self.named(name, 0, template)) for name in names])

    def clip_adapter(self, pixels, names):
        image, ratio = self.base.image(pixels), self.numbers["ratio"]
        adapted = ((image @ self.tensors["down"].T).relu() @ self.tensors["up"].T).relu()
        mixed = F.normalize(ratio * adapted + (1 - ratio) * image, dim=1)
        return self.scale * mixed @ self.zero_shot(names).T

    def tip_adapter(self, pixels, names):
        image = F.normalize(self.base.image(pixels), dim=1)
        affinity = image @ self.tensors["keys"].T
        votes = (self.numbers["beta"] * (affinity - 1)).exp()
        votes = votes @ F.one_hot(self.tensors["classes"], len(names)).float()
        return self.scale * image @ self.zero_shot(names).T + self.numbers["alpha"] * votes


@pytest.mark.parametrize("answer", ANSWERS["cases"])
@torch.no_grad()
def test_the_towers_answer_as_the_released_code(packages, answer):
    case, golden = answer.removesuffix(".new"), ANSWERS["cases"][answer]
    towers = Towers(packages / f"{package_name(case)}.glint", golden["base"])
    vectors = load_file(base_folder(golden["base"]) / "reference/vectors.safetensors")
    pixels = torch.stack([vectors[f"pixels.{i}"] for i in range(max(BATCHES))])
    for batch in BATCHES:
        logits = getattr(towers, towers.head["type"])(pixels[:batch], golden["classes"])
        assert difference(logits, golden["logits"][:batch]) <= BOUND
    assert np.abs(golden["logits"]).max() > 5  # the bound is far below what is compared


def run(*command):
    """What the program prints."""
    assert PROGRAM.is_file(), f"build the program first, or set GLINT_PROGRAM: {PROGRAM}"
    done = subprocess.run(
        [str(word) for word in (PROGRAM, *command)],
        env=os.environ | {"GLINT_PACKAGE_PATH": str(base_folder("adapters").parent)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def classify(package, base_name, batch, *labels):
    """For each of the base's first pictures, its predictions in the order of the labels."""
    pictures = [base_folder(base_name) / f"reference/{i}.png" for i in range(batch)]
    options = ["--model", package, "--top-k", 0, "--json", "--batch-size", batch, *labels]
    for line in run("classify", *pictures, *options).splitlines():
        yield sorted(json.loads(line)["predictions"], key=lambda score: score["index"])


@pytest.mark.parametrize("answer", ANSWERS["cases"])
def test_the_program_answers_as_the_released_code(packages, tmp_path, answer):
    case, golden = answer.removesuffix(".new"), ANSWERS["cases"][answer]
    (tmp_path / "labels.txt").write_text("\n".join(golden["classes"]))
    package = packages / f"{package_name(case)}.glint"
    for batch in BATCHES:
        made = classify(package, golden["base"], batch, "--labels-file", tmp_path / "labels.txt")
        logits = [[score["logit"] for score in scores] for scores in made]
        assert difference(logits, golden["logits"][:batch]) <= BOUND


@pytest.mark.parametrize("case", ["coop_own", "cocoop", "maple", "tip_adapter"])
def test_classes_of_training_are_the_labels_unless_others_are_given(packages, case):
    golden = ANSWERS["cases"][case]
    (scores,) = classify(packages / f"{package_name(case)}.glint", golden["base"], 1)
    assert [score["label"] for score in scores] == golden["classes"]
    assert difference([score["logit"] for score in scores], golden["logits"][0]) <= BOUND


@pytest.mark.parametrize("case", CASES)
def test_packages_are_small_and_verify(packages, case):
    package = packages / f"{package_name(case)}.glint"
    assert "ok" in run("verify", "--model", package)
    assert sum(p.stat().st_size for p in package.rglob("*") if p.is_file()) < 12_000
