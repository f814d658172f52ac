"""Compares what glint answers for real checkpoints with the numbers their authors published.

    scripts/verify-real DIR

DIR holds checkpoints, at any depth and under their published names: files of OpenAI (ViT-B-32.pt)
and folders of the Hugging Face hub (clip-vit-base-patch32, or the hub's cache).  Pictures and data
sets are looked for in DIR/inputs, single files also in the folders of GLINT_SHARED_DATA.  Each
checkpoint that is there is exported and asked; nothing is downloaded.  published.py has the
numbers.

Exit status: 0 no number failed (whether or not any could run), 1 one failed, 2 wrong usage.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import kinds
import numpy as np
import published
from kinds import Accuracy, Checkpoint, Cosines, Number, Scores

ROOT = Path(__file__).resolve().parents[2]
PASSED, FAILED, NOT_RUN = "passed", "failed", "could not run"


class CannotRun(Exception):
    """What is missing to measure a number; its message says what."""


class MeasurementFailed(Exception):
    """All was there, and still no number came out."""


def _named(folder: Path, name: str) -> Iterator[Path]:
    """Files and folders of this name at any depth; folders of the hub's cache count as theirs."""
    yield from sorted(folder.rglob(name))
    yield from sorted(folder.rglob(f"models--*--{name}/snapshots/*"))


@cache
def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _difference(path: Path, checkpoint: Checkpoint) -> str:
    """Why the path is not the checkpoint after all; "" when it is."""
    if checkpoint.sha256:
        if not path.is_file() or _digest(path) != checkpoint.sha256:
            return f"{path.name} is not the published file (its SHA-256 differs)"
    if checkpoint.model_type:
        config = path / "config.json"
        try:
            found = json.loads(config.read_bytes())["model_type"]
        except (OSError, ValueError, KeyError, TypeError):
            return f"{path.name} has no config.json with a model_type"
        if found != checkpoint.model_type:
            return f"{path.name} holds a {found} model, expected {checkpoint.model_type}"
    return ""


def find_checkpoint(folder: Path, checkpoint: Checkpoint) -> Path:
    reason = f"no {' or '.join(checkpoint.files)}"
    for name in checkpoint.files:
        for path in _named(folder, name):
            reason = _difference(path, checkpoint)
            if not reason:
                return path
    raise CannotRun(reason)


def find_input(folder: Path, *names: str) -> Path:
    """The first of the files that is there, in inputs/ or one folder below GLINT_SHARED_DATA."""
    data = os.environ.get("GLINT_SHARED_DATA")
    for name in names:
        places = [folder / "inputs" / name]
        if data:
            places += sorted(Path(data).glob(f"*/{name}"))
        for place in places:
            if place.is_file():
                return place
    raise CannotRun(f"no inputs/{' or '.join(names)}")


def _run(arguments: list[str], where: Path) -> str:
    done = subprocess.run(arguments, cwd=where, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise MeasurementFailed(lines[-1].removeprefix("error: "))
    return done.stdout


@dataclass
class Session:
    """A run over one folder: exports each checkpoint once, into a folder of its own."""

    folder: Path
    program: Path
    packages: Path

    def __post_init__(self) -> None:
        self._exported: dict[str, Path | MeasurementFailed] = {}

    def package(self, checkpoint: Checkpoint) -> Path:
        """The checkpoint as a package.  An export that was refused once is not tried again."""
        path = find_checkpoint(self.folder, checkpoint).resolve()
        arguments = kinds.EXPORTERS[checkpoint.family]
        if not arguments:
            return path
        if checkpoint.name not in self._exported:
            out = self.packages / f"{len(self._exported)}.glint"
            export = [sys.executable, "-m", "glint_export", *arguments]
            print(f"exporting {checkpoint.name}", file=sys.stderr)
            try:
                _run([*export, str(path), "--out", str(out)], ROOT / "models" / "export")
                self._exported[checkpoint.name] = out
            except MeasurementFailed as error:
                self._exported[checkpoint.name] = error
        exported = self._exported[checkpoint.name]
        if isinstance(exported, MeasurementFailed):
            raise MeasurementFailed(f"not exported: {exported}")
        return exported

    def _run_program(self, *arguments: str | Path) -> str:
        return _run([str(self.program), *map(str, arguments)], self.packages)

    def _ask(self, *arguments: str | Path) -> dict:
        return json.loads(self._run_program(*arguments, "--json"))

    def scores(self, checkpoint: Checkpoint, measure: Scores) -> list[float]:
        package, picture = self.package(checkpoint), find_input(self.folder, *measure.pictures)
        labels = self.packages / "labels.txt"
        labels.write_text("\n".join(measure.labels) + "\n", encoding="utf-8")
        answer = self._ask(
            "classify", picture.resolve(), "--model", package, "--labels-file", labels,
            "--template", measure.template, "--top-k", "0",
        )  # fmt: skip
        values = {each["label"]: each[measure.field] for each in answer["predictions"]}
        return [values[label] for label in measure.compared or measure.labels]

    def accuracy(self, checkpoint: Checkpoint, measure: Accuracy) -> list[float]:
        package, folder = self.package(checkpoint), self.folder / "inputs" / measure.folder
        if not folder.is_dir():
            raise CannotRun(f"no folder inputs/{measure.folder}")
        prompts = [part for text in measure.templates for part in ("--template", text)]
        answer = self._ask(
            "evaluate", "--folder", folder.resolve(), "--model", package, *prompts
        )
        return [100 * answer["top1"]]

    def cosines(self, checkpoint: Checkpoint, measure: Cosines) -> list[float]:
        package = self.package(checkpoint)
        reference = ROOT / measure.published
        if not reference.is_file():
            reference = find_input(self.folder, measure.published)
        if measure.pictures:
            pictures = [find_input(self.folder, name).resolve() for name in measure.pictures]
            inputs = ["--images", *map(str, pictures)]
        else:
            texts = self.packages / "texts.txt"
            texts.write_text("\n".join(measure.texts) + "\n", encoding="utf-8")
            inputs = ["--texts", str(texts)]
        out = self.packages / "embeddings.npy"
        self._run_program("embed", *inputs, "--output", out, "--model", package)
        got, want = np.load(out).astype(np.float64), np.load(reference).astype(np.float64)
        want = want.reshape(-1, want.shape[-1])
        if got.shape != want.shape:
            raise MeasurementFailed(f"embeddings {got.shape}, published {want.shape}")
        lengths = np.linalg.norm(got, axis=1) * np.linalg.norm(want, axis=1)
        return ((got * want).sum(axis=1) / lengths).tolist()

    def measure(self, number: Number) -> list[float]:
        if number.checkpoint.family not in kinds.EXPORTERS:
            raise CannotRun(f"not yet: family {number.checkpoint.family}")
        if isinstance(number.measure, Scores):
            return self.scores(number.checkpoint, number.measure)
        if isinstance(number.measure, Accuracy):
            return self.accuracy(number.checkpoint, number.measure)
        if isinstance(number.measure, Cosines):
            return self.cosines(number.checkpoint, number.measure)
        raise CannotRun("not yet: its measurement")


def judge(number: Number, got: list[float]) -> bool:
    """Every value within the tolerance; NaN is not."""
    return len(got) == len(number.expected) and all(
        abs(value - want) <= number.absolute + number.relative * abs(want)
        for value, want in zip(got, number.expected, strict=True)
    )


def _listed(values: list[float] | tuple[float, ...]) -> str:
    return " ".join(f"{value:.7g}" for value in values)


def _tolerance(number: Number) -> str:
    if number.measure is None:
        return "-"
    relative = f" + {number.relative:g} of it" if number.relative else ""
    return f"{number.absolute:g}{relative}"


def row_of(number: Number, session: Session) -> tuple[str, ...]:
    try:
        got = session.measure(number)
        result, shown = (PASSED if judge(number, got) else FAILED), _listed(got)
    except CannotRun as error:
        result, shown = NOT_RUN, str(error)
    except MeasurementFailed as error:
        result, shown = FAILED, str(error)
    return (
        result, number.checkpoint.name, number.what, _listed(number.expected), shown,
        _tolerance(number), number.source,
    )  # fmt: skip


HEADINGS = ("result", "checkpoint", "number", "expected", "got, or why not", "within", "source")


def print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(HEADINGS, *rows, strict=True)]
    for row in (HEADINGS, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def summary(rows: list[tuple[str, ...]]) -> str:
    count = {kind: sum(row[0] == kind for row in rows) for kind in (PASSED, FAILED, NOT_RUN)}
    return (
        f"{count[PASSED] + count[FAILED]} of {len(rows)} numbers could run: "
        f"{count[PASSED]} passed, {count[FAILED]} failed; {count[NOT_RUN]} could not run"
    )


def default_program() -> Path:
    return Path(os.environ.get("GLINT_PROGRAM") or ROOT / "build" / "release" / "bin" / "glint")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="verify-real", description="Compares glint with published numbers of real checkpoints."
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="real checkpoints, and inputs/")
    args = parser.parse_args(arguments)
    program = default_program().resolve()
    if not args.folder.is_dir():
        parser.error(f"expected a folder, got {args.folder}")
    if not program.is_file():
        parser.error(f"expected the built program at {program}")
    with tempfile.TemporaryDirectory(prefix="glint-verify-real-") as packages:
        session = Session(args.folder, program, Path(packages))
        rows = [row_of(number, session) for number in published.PUBLISHED]
    print_table(rows)
    print(summary(rows))
    return 1 if any(row[0] == FAILED for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
