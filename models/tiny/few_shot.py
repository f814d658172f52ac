r"""Draws few-shot photos for adapters from the photos that no tower was trained on.

    python models/tiny/few_shot.py --photos cifar10/train --seed 1 --out build/shots-1

`--photos` is a folder of class folders.  The last 500 photos of each class (by name) are the ones
that train_clip.py and distil_vit.py hold out.  Of these, OUT/shots/CLASS gets 16 and
OUT/validation/CLASS 50 others; the seed and the class's name decide which.  Copies keep their
bytes.
"""

import argparse
import random
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "export")]

import captions  # noqa: E402
import torch  # noqa: E402
from glint_export import ExportError  # noqa: E402
from photos import HELD_OUT, class_files, read_photo  # noqa: E402
from torch import Tensor  # noqa: E402

SHOTS = 16  # a class
VALIDATION = 50  # a class


@dataclass(frozen=True)
class Photos:
    """Photos u8 [N, 3, S, S] and the places of their classes in a list, i64 [N]."""

    photos: Tensor
    labels: Tensor

    def of(self, labels: list[int]) -> "Photos":
        """Only these classes, numbered by their places in `labels`."""
        rows = torch.isin(self.labels, torch.tensor(labels))
        place = torch.full((len(captions.CLASSES),), -1)
        place[labels] = torch.arange(len(labels))
        return Photos(self.photos[rows], place[self.labels[rows]])


def read(files: dict[str, list[Path]]) -> Photos:
    """Classes in the order of `files`."""
    photos = [read_photo(file) for its in files.values() for file in its]
    labels = [k for k, its in enumerate(files.values()) for _ in its]
    return Photos(torch.stack(photos), torch.tensor(labels))


def draw(folder: Path, seed: int) -> dict[str, dict[str, list[Path]]]:
    """{"shots": {class: files}, "validation": {class: files}}, files by name."""
    drawn = {"shots": {}, "validation": {}}
    for name in captions.CLASSES:
        files = class_files(folder, name)[-HELD_OUT:]
        if len(files) < SHOTS + VALIDATION:
            raise ExportError(
                f"expected {SHOTS + VALIDATION} photos at least in {folder / name}, "
                f"got {len(files)}"
            )
        some = random.Random(f"{seed} {name}").sample(files, SHOTS + VALIDATION)
        drawn["shots"][name], drawn["validation"][name] = sorted(some[:SHOTS]), sorted(some[SHOTS:])
    return drawn


def read_drawn(folder: Path) -> dict[str, dict[str, list[Path]]]:
    """What `write` wrote."""
    return {
        part: {name: class_files(folder / part, name) for name in captions.CLASSES}
        for part in ("shots", "validation")
    }


def write(drawn: dict[str, dict[str, list[Path]]], out: Path) -> None:
    if out.exists():
        raise ExportError(f"expected no {out} yet, got an existing one")
    new = out.with_name(out.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    for part, classes in drawn.items():
        for name, files in classes.items():
            (new / part / name).mkdir(parents=True)
            for file in files:
                shutil.copyfile(file, new / part / name / file.name)
    new.rename(out)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True, metavar="DIR")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    args = parser.parse_args()
    try:
        write(draw(args.photos, args.seed), args.out)
    except (ExportError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
