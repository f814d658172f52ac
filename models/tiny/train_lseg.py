r"""Trains tiny-lseg's image tower on scenes of known masks (scenes.py).

    python models/tiny/train_lseg.py --photos cifar10/train --base models/tiny-clip.glint \
        --out build/tiny-lseg

As LSeg learns: the cross-entropy of every pixel's cosines to the words of all labels, the text
tower (tiny-clip's) frozen.  The words of a class are drawn anew for every step, half of the time
its plain name; "background" is a label like the others.  The backbone begins as tiny-clip's, or as
an earlier run's, and goes on learning, at a tenth of the decoder's rate.

The scenes of held-out photos choose the checkpoint.  Writes OUT/last.pt, OUT/checkpoint.pt and
OUT/log.txt; a run that was stopped goes on from OUT/last.pt.
"""

import argparse
import random
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "export")]

import captions  # noqa: E402
import torch  # noqa: E402
from bases import Base, load_base  # noqa: E402
from distil_vit import ramp_of, save  # noqa: E402
from glint_export.towers import LsegImage  # noqa: E402
from groupvit_scores import Scores, of_counts  # noqa: E402
from lseg_net import SIDE, TrainLseg, planes  # noqa: E402
from open_clip.tokenizer import SimpleTokenizer  # noqa: E402
from photos import normalise  # noqa: E402
from scenes import LABELS, Scenes, load_train  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

EVERY = 250  # steps between looks at held-out scenes
HELD = 128  # of them
LARGE = 96  # pixels a side of every fourth batch's scenes, which are half as many


class Words:
    """Unit embeddings of every caption, a class after another, and of "background"."""

    @torch.no_grad()
    def __init__(self, base: Base):
        tokenizer = SimpleTokenizer()

        def rows(texts: list[str]) -> Tensor:
            return F.normalize(base.text(tokenizer(texts)), dim=1)

        self.names = rows(LABELS)
        self.rows = [rows(captions.every(label)) for label in range(len(captions.CLASSES))]

    def draw(self, rng: random.Random) -> Tensor:
        """[K, D]: plain names, or a caption of each class."""
        if rng.random() < 0.5:
            return self.names
        drawn = [rows[rng.randrange(len(rows))] for rows in self.rows]
        return torch.stack([*drawn, self.names[-1]])


def loss_of(model: nn.Module, pixels: Tensor, maps: Tensor, words: Tensor) -> Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        pixel_map = model(pixels.to(memory_format=torch.channels_last))
    return F.cross_entropy(planes(pixel_map.float(), words), maps.long())


@torch.no_grad()
def look(model: LsegImage, pixels: Tensor, maps: Tensor, words: Tensor) -> Scores:
    """Scores of scenes [B, 3, S, S], each in one pass."""
    model.eval()
    classes = len(words)
    counts = torch.zeros(classes * classes)
    for x, truth in zip(pixels.split(32), maps.split(32), strict=True):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            pixel_map = model(x)
        answer = planes(pixel_map.float(), words).argmax(dim=1)
        pairs = (truth.long() * classes + answer).flatten()
        counts += torch.bincount(pairs, minlength=classes * classes)
    model.train()
    return of_counts(counts.view(classes, classes), 0.0)


def learner(base: Base, earlier: Path | None) -> TrainLseg:
    model = TrainLseg().to(memory_format=torch.channels_last)
    model.start_from(base.image)
    if earlier:
        state, own = torch.load(earlier, weights_only=True)["learner"], model.state_dict()
        fits = all(name in state and state[name].shape == own[name].shape for name in own)
        model.load_state_dict(
            {name: t for name, t in state.items() if fits or name.startswith("backbone.")},
            strict=fits,
        )
    model.backbone.stem.requires_grad_(False)
    return model


def train(args: argparse.Namespace) -> None:
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    learned, held = load_train(args.photos)
    scenes = Scenes(*learned, args.seed)
    pictures, held_maps = Scenes(*held, 1).draw(HELD, LARGE)
    held_pixels = normalise(pictures)
    base = load_base(args.base)
    words = Words(base)
    model = learner(base, args.start)
    backbone = [p for p in model.backbone.parameters() if p.requires_grad]
    groups = [
        {"params": backbone, "share": args.backbone},
        {"params": list(model.decoder.parameters()), "share": 1.0},
    ]
    adam = torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=0.01)
    step, best, started = 0, 0.0, time.time()
    args.out.mkdir(parents=True, exist_ok=True)
    if (args.out / "last.pt").is_file():
        state = torch.load(args.out / "last.pt", weights_only=True)
        model.load_state_dict(state["learner"])
        adam.load_state_dict(state["adam"])
        step, best = state["step"], state["best"]
        scenes.generator.manual_seed(args.seed + step)
    total = 0.0
    while step < args.steps:
        large = step % 4 == 3
        count = args.batch_size // 2 if large else args.batch_size
        pictures, maps = scenes.draw(count, LARGE if large else SIDE)
        loss = loss_of(model, normalise(pictures), maps, words.draw(rng))
        adam.zero_grad()
        loss.backward()
        for group in adam.param_groups:
            group["lr"] = group["share"] * args.lr * ramp_of(step, args.steps)
        adam.step()
        total += loss.item()
        step += 1
        if step % EVERY and step != args.steps:
            continue
        scores = look(model, held_pixels, held_maps, words.names)
        line = f"step {step} loss {total / EVERY:.4f} {scores} {time.time() - started:.0f} s"
        print(line, flush=True)
        with (args.out / "log.txt").open("a") as log:
            log.write(line + "\n")
        total = 0.0
        state = {"tower": model.tower().state_dict(), "miou": scores.miou, "step": step}
        if scores.miou >= best:
            best = scores.miou
            save(args.out / "checkpoint.pt", state)
        whole = {"learner": model.state_dict(), "adam": adam.state_dict(), "best": best}
        save(args.out / "last.pt", whole | {"step": step})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True, metavar="TINY-CLIP.glint")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--start", type=Path, help="last.pt of a run to go on from; its backbone, if no more fits"
    )
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument(
        "--backbone", type=float, default=0.1, help="the backbone's share of the learning rate"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    train(args)


if __name__ == "__main__":
    main()
