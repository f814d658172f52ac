"""Checkpoints that the released code saved (tests/golden/adapter_checkpoints) through
`python -m glint_export` and the C++ program, against what the released code answers with them.

The bound is the contract's for logits, 1e-4 absolute: the packages hold the checkpoints' numbers
exactly, half precision or not, and both sides compute in f32.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from glint_export.__main__ import main

ROOT = Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests" / "golden"
PROGRAM = Path(os.environ.get("GLINT_PROGRAM", ROOT / "build/release/bin/glint"))
ANSWERS = json.loads((GOLDEN / "adapter_checkpoints.json").read_text())
CASES = ANSWERS["cases"]
BOUND = 1e-4
FLAGS = {
    "coop_middle": ["--class-token-position", "middle"],
    "coop_own": ["--class-token-position", "front"],
    "clip_adapter": ["--ratio", str(ANSWERS["ratio"])],
    "maple": ["--ctx-init", ANSWERS["words"]],
    "ivlp": ["--ctx-init", ANSWERS["words"]],
    "tip_adapter_f": ["--fine-tuned"],
}
TIP = ["--alpha", str(ANSWERS["alpha"]), "--beta", str(ANSWERS["beta"])]


def family(case):
    name = case.removesuffix("_f") if case.startswith("tip") else case.split("_")[0]
    return {"ivlp": "maple", "vpt": "maple", "clip": "clip-adapter"}.get(name, name).replace("_", "-")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """case -> its package, beside its base."""
    folder = tmp_path_factory.mktemp("imported")
    for base in {answer["base"] for answer in CASES.values()}:
        shutil.copytree(GOLDEN / "packages" / f"{base}.glint", folder / f"{base}.glint")
    (folder / "templates.json").write_text(json.dumps([ANSWERS["template"]]))
    made = {}

    def package(case):
        if case in made:
            return made[case]
        answer, out = CASES[case], folder / f"{case.replace('_', '-')}.glint"
        classes = folder / f"{case}.classes.json"
        classes.write_text(json.dumps(answer["classes"]))
        arguments = [
            family(case), "--checkpoint", GOLDEN / "adapter_checkpoints" / case.removesuffix("_f"),
            "--base", folder / f"{answer['base']}.glint", "--out", out,
            "--classes", classes, *FLAGS.get(case, []),
        ]  # fmt: skip
        if family(case) in ("clip-adapter", "tip-adapter"):
            arguments += ["--templates", folder / "templates.json"]
        if family(case) == "tip-adapter":
            arguments += TIP
        assert main([str(a) for a in arguments]) == 0
        made[case] = out
        return out

    return package


def classify(package, pictures, labels):
    command = [PROGRAM, "classify", *pictures, "--model", package, "--json", "--top-k", "0"]
    done = subprocess.run(
        [*map(str, command), "--labels", ",".join(labels)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    logits = []
    for line in done.stdout.splitlines():
        found = {p["label"]: p["logit"] for p in json.loads(line)["predictions"]}
        logits.append([found[label] for label in labels])
    return np.array(logits)


@pytest.mark.parametrize("case", CASES)
def test_the_program_answers_as_the_released_code(exported, case):
    answer = CASES[case]
    package = exported(case.removesuffix(".new"))
    pictures = sorted((GOLDEN / "packages" / f"{answer['base']}.glint" / "reference").glob("*.png"))
    expected = np.array(answer["logits"])
    for count in (1, 3, len(expected)):
        got = classify(package, pictures[:count], answer["classes"])
        assert np.abs(got - expected[:count]).max() <= BOUND
    assert np.abs(expected).max() > 5  # the bound is far below what is compared


@pytest.mark.parametrize("case", [c for c in CASES if not c.endswith(".new")])
def test_packages_are_small_and_verify(exported, case):
    package = exported(case)
    done = subprocess.run([PROGRAM, "verify", package], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert sum(p.stat().st_size for p in package.rglob("*") if p.is_file()) < 12_000
