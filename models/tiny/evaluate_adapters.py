r"""The tables of adapters in models/README.md: accuracy on the CIFAR-10 test photos.

    python models/tiny/evaluate_adapters.py --photos cifar10 --base models/tiny-vit.glint \
        --out build/adapters --packages models

`--photos` holds train/ and test/, a folder a class each.  For each seed, 16 photos a class of those
that no tower was trained on teach every method: once with all ten classes, and prompts once more
with the first five, to be asked about the other five (the base and new classes of CoCoOp's paper).
OUT/BASE/results.json keeps what was measured, so that a run that was stopped goes on; OUT/BASE has
the checkpoints, in the released code's layout.  `--packages` writes those of the first seed as
packages.  Prints the tables.
"""

import argparse
import json
import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "export")]

import adapter_packages  # noqa: E402
import captions  # noqa: E402
import few_shot  # noqa: E402
import tip  # noqa: E402
import torch  # noqa: E402
from adapter_tables import tables  # noqa: E402
from bases import Base, load_base  # noqa: E402
from few_shot import Photos  # noqa: E402
from glint_export import ExportError  # noqa: E402
from glint_export.towers import VisionTransformer  # noqa: E402
from learners import zero_shot_classes  # noqa: E402
from learning import accuracy, encode  # noqa: E402
from photos import class_files, normalise  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from tqdm import tqdm  # noqa: E402
from train_adapter import train  # noqa: E402

ALL = list(range(len(captions.CLASSES)))
HALVES = {"base": ALL[: len(ALL) // 2], "new": ALL[len(ALL) // 2 :]}
PROMPTS = ["coop", "cocoop", "maple"]


def names(classes: list[int]) -> list[str]:
    return [captions.CLASSES[k] for k in classes]


class Measured:
    """results.json: key to numbers; a key that is there is not measured again."""

    def __init__(self, file: Path):
        self.file = file
        self.results = json.loads(file.read_text()) if file.is_file() else {}

    def once(self, key: str, measure: Callable[[], dict[str, float]]) -> dict[str, float]:
        if key not in self.results:
            self.results[key] = {name: round(x, 6) for name, x in measure().items()}
            new = self.file.with_name(self.file.name + ".new")
            new.write_text(json.dumps(self.results, indent=1) + "\n")
            new.replace(self.file)
        return self.results[key]


class Test:
    """The test photos, and what the base's image tower makes of them."""

    def __init__(self, folder: Path, base: Base):
        files = {name: class_files(folder, name) for name in captions.CLASSES}
        if not all(files.values()):
            raise ExportError(f"expected .jpg photos of every class in {folder}, got none of one")
        self.photos, self.base = few_shot.read(files), base

    @cached_property
    def features(self) -> Tensor:
        """Not normalised."""
        parts = tqdm(self.photos.photos.split(500), desc="test photos", disable=None, leave=False)
        return torch.cat([encode(self.base, normalise(x)) for x in parts])

    def accuracy(self, scores: Callable, classes: list[int], takes_pixels: bool = False) -> float:
        """Among these classes, of their photos."""
        rows = torch.isin(self.photos.labels, torch.tensor(classes))
        some = self.photos.of(classes)
        if takes_pixels:
            return accuracy(lambda x: scores(normalise(x)), some.photos, some.labels)
        return accuracy(scores, self.features[rows], some.labels)


def cosines(classes: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda features: F.normalize(features, dim=1) @ classes.T


def zero_shot(base: Base, test: Test) -> dict[str, float]:
    answer = {}
    for name, classes in {"all": ALL, **HALVES}.items():
        answer[name] = test.accuracy(cosines(zero_shot_classes(base, names(classes))), classes)
    return answer


def tip_adapters(
    base: Base, test: Test, shots: Photos, validation: Photos, seed: int, out: Path
) -> dict[str, dict[str, float]]:
    """Training-free and fine-tuned; views are the photo and its mirror image."""
    torch.manual_seed(seed)
    pixels = normalise(shots.photos)
    views = torch.stack([encode(base, pixels), encode(base, pixels.flip(3))])
    known = F.normalize(encode(base, normalise(validation.photos)), dim=1), validation.labels
    classes = zero_shot_classes(base, captions.CLASSES)
    plain = tip.build(views, shots.labels)
    tuned = tip.fine_tune(plain, views, classes, known)
    adapter_packages.save_caches(plain, tuned, out)
    answers = {}
    for name, cache in (("tip_adapter", plain), ("tip_adapter_f", tuned)):
        found = tip.search(cache, *known, classes)
        answers[name] = {
            "all": test.accuracy(lambda x: cache.logits(F.normalize(x, dim=1), classes), ALL),
            "validation": found,
            "alpha": cache.alpha,
            "beta": cache.beta,
        }
    return answers


def learned(
    method: str, base: Base, test: Test, parts: tuple[Photos, Photos], seed: int, out: Path
) -> dict[str, float]:
    """All ten classes."""
    learner, right = train(method, base, captions.CLASSES, *parts, seed, out)
    return {"all": test.accuracy(learner, ALL, learner.takes_pixels), "validation": right}


def split(
    method: str, base: Base, test: Test, parts: tuple[Photos, Photos], seed: int, out: Path
) -> dict[str, float]:
    """Five classes teach; both halves are asked, each among its own."""
    some = [part.of(HALVES["base"]) for part in parts]
    learner, right = train(method, base, names(HALVES["base"]), *some, seed, out)
    answer = {"validation": right}
    for name, classes in HALVES.items():
        learner.rename(names(classes))
        answer[name] = test.accuracy(learner, classes, learner.takes_pixels)
    return answer


def methods_of(base: Base) -> list[str]:
    prompts = PROMPTS if isinstance(base.image, VisionTransformer) else PROMPTS[:-1]
    return ["clip_adapter", *prompts]


def measure(args: argparse.Namespace) -> Measured:
    base = load_base(args.base)
    out = args.out / base.name
    out.mkdir(parents=True, exist_ok=True)
    measured, test = Measured(out / "results.json"), Test(args.photos / "test", base)
    measured.once("zero_shot", lambda: zero_shot(base, test))
    methods = methods_of(base)
    for seed in tqdm(args.seeds, unit="seed", disable=None):
        drawn = few_shot.draw(args.photos / "train", seed)
        parts = tuple(few_shot.read(drawn[part]) for part in ("shots", "validation"))
        caches: dict[str, dict[str, float]] = {}
        for name in ("tip_adapter", "tip_adapter_f"):
            if not caches and f"{name} {seed}" not in measured.results:
                caches = tip_adapters(base, test, *parts, seed, out / f"tip-{seed}")
            measured.once(f"{name} {seed}", lambda name=name: caches[name])
        for method in methods:
            run = (method, base, test, parts, seed)
            folder = out / f"{method}-{seed}"
            measured.once(f"{method} {seed}", lambda: learned(*run, folder))
            if method in PROMPTS:
                folder = out / f"{method}-base-{seed}"
                measured.once(f"{method} split {seed}", lambda: split(*run, folder))
    if args.packages is not None:
        seed = args.seeds[0]
        for method in ["tip_adapter", "tip_adapter_f", *methods]:
            folder = out / (f"tip-{seed}" if method.startswith("tip") else f"{method}-{seed}")
            found = measured.results[f"{method} {seed}"]
            adapter_packages.write(method, folder, args.base, seed, found, args.packages)
    return measured


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True, metavar="DIR")
    parser.add_argument("--base", type=Path, required=True, metavar="NAME.glint")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--packages", type=Path, metavar="DIR")
    args = parser.parse_args()
    try:
        print(tables(measure(args).results, args.seeds))
    except (ExportError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
