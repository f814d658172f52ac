r"""Trains one adapter on few-shot photos, and saves it as the released code does.

    python models/tiny/few_shot.py --photos cifar10/train --seed 1 --out build/shots-1
    python models/tiny/train_adapter.py coop --base models/tiny-vit.glint \
        --shots build/shots-1 --seed 1 --out build/coop-1

Prints {"validation": accuracy}.  OUT/FOLDER/model.pth.tar-EPOCHS is what `python -m glint_export
coop --checkpoint OUT` takes.  Batches are those of the released
configurations; RECIPES says what is not.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "export")]

import captions  # noqa: E402
import few_shot  # noqa: E402
import torch  # noqa: E402
from bases import Base, load_base  # noqa: E402
from few_shot import Photos  # noqa: E402
from glint_export import ExportError  # noqa: E402
from learners import (  # noqa: E402
    ClipAdapterLearner,
    CocoopLearner,
    CoopLearner,
    MapleLearner,
)
from learning import Recipe, accuracy, encode, fit, save_checkpoint  # noqa: E402
from photos import normalise  # noqa: E402
from torch import nn  # noqa: E402

RATIO = 0.2  # of CLIP-Adapter, as in its code
CONTEXT = 16  # vectors of CoOp
PROMPTS, DEPTH = 2, 3  # of MaPLe; tiny-clip's text tower has three blocks
# Learning rates are for a logit scale of 100 and divided by the base's share of it: a cosine's
# gradient is proportional to the scale.  160 shots make few steps, so there are more epochs than in
# the released configurations (200, 10 and 5 of the prompts): a context that starts at random needs
# them to become words at all.  CLIP-Adapter, which starts at random too, also learns faster.
RECIPES = {
    "clip_adapter": Recipe(lr=0.02, epochs=200, batch=32),
    "coop": Recipe(lr=0.002, epochs=800, batch=32),
    "cocoop": Recipe(lr=0.002, epochs=40, batch=1),
    "maple": Recipe(lr=0.0035, epochs=20, batch=4),
}
REFERENCE_SCALE = 100.0


def new_learner(method: str, base: Base, labels: list[str]) -> nn.Module:
    if method == "clip_adapter":
        return ClipAdapterLearner(base, labels, RATIO)
    if method == "coop":
        return CoopLearner(base, labels, CONTEXT)
    if method == "cocoop":
        return CocoopLearner(base, labels)
    return MapleLearner(base, labels, PROMPTS, DEPTH)


def inputs(learner: nn.Module, base: Base, photos: torch.Tensor) -> torch.Tensor:
    """What the learner takes, of photos u8 as they are."""
    pixels = normalise(photos)
    return pixels if learner.takes_pixels else encode(base, pixels)


def train(
    method: str,
    base: Base,
    labels: list[str],
    shots: Photos,
    validation: Photos,
    seed: int,
    out: Path,
    on_epoch: Callable[[], None] = lambda: None,
) -> tuple[nn.Module, float]:
    """(what was learned in the last epoch, which the released code keeps; validation accuracy)."""
    torch.manual_seed(seed)
    recipe = RECIPES[method]
    recipe = Recipe(recipe.lr * REFERENCE_SCALE / base.scale, recipe.epochs, recipe.batch)
    learner = new_learner(method, base, labels)
    sgd = fit(learner, base, shots, recipe, on_epoch)
    right = accuracy(learner, inputs(learner, base, validation.photos), validation.labels)
    save_checkpoint(learner, sgd, recipe.epochs, right, out)
    return learner, right


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("method", choices=sorted(RECIPES))
    parser.add_argument("--base", type=Path, required=True, metavar="NAME.glint")
    parser.add_argument("--shots", type=Path, required=True, metavar="DIR", help="of few_shot.py")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    args = parser.parse_args()
    try:
        drawn = few_shot.read_drawn(args.shots)
        shots, validation = (few_shot.read(drawn[part]) for part in ("shots", "validation"))
        base = load_base(args.base)
        _, right = train(
            args.method, base, captions.CLASSES, shots, validation, args.seed, args.out
        )
    except (ExportError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"validation": round(right, 6)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
