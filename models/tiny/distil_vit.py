r"""Trains tiny-vit's image tower: a vision transformer that imitates tiny-clip's image tower.

    python models/tiny/distil_vit.py --photos cifar10/train --teacher models/tiny-clip.glint \
        --out build/tiny-vit
    python models/tiny/distil_vit.py --photos cifar10/train --teacher models/tiny-clip.glint \
        --out build/tiny-vit-2 --start build/tiny-vit/last.pt --epochs 6 --lr 0.03 --seed 2

It sees the training photos of half of the classes (vit.SEEN) and learns the direction of the
teacher's embedding, so tiny-clip's text tower goes with it, labels are not used, and the words of
the other half are words for things that it never saw.  The held-out photos of the seen classes
choose the checkpoint.  Writes OUT/last.pt and OUT/checkpoint.pt, the best epoch so far, and
OUT/log.txt.
"""

import argparse
import sys
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "export"))

import captions  # noqa: E402
from glint_export.package import Package  # noqa: E402
from glint_export.towers import VisionTransformer  # noqa: E402
from muon import Muon  # noqa: E402
from open_clip.tokenizer import SimpleTokenizer  # noqa: E402
from photos import augment, load_photos, normalise  # noqa: E402
from vit import SEEN, VIT  # noqa: E402

WARM_UP = 0.1  # of all steps


def seen_only(photos: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    rows = torch.isin(labels, torch.tensor([captions.CLASSES.index(name) for name in SEEN]))
    return photos[rows], labels[rows]


def mixed(x: Tensor) -> Tensor:
    """Half of the batch as mixtures of two photos; the teacher says what they are."""
    half = len(x) // 2
    share = torch.rand(half, 1, 1, 1)
    return torch.cat([x[:half] * share + x[:half].roll(1, 0) * (1 - share), x[half:]])


def ramp_of(step: int, steps: int) -> float:
    """Share of the peak learning rate: up to 1, then in a line down to 0."""
    return min((step + 1) / (WARM_UP * steps), (steps - step) / ((1 - WARM_UP) * steps))


@torch.no_grad()
def accuracy(student: VisionTransformer, photos: Tensor, labels: Tensor, names: Tensor) -> float:
    """Share of the photos whose class is the nearest of all ten names [10, D]."""
    right = 0
    for x, y in zip(photos.split(500), labels.split(500), strict=True):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            embedding = student(normalise(x))
        right += int(((embedding.float() @ names.T).argmax(1) == y).sum())
    return right / len(labels)


def save(path: Path, state: dict) -> None:
    new = path.with_name(path.name + ".new")
    torch.save(state, new)
    new.replace(path)


def train(args: argparse.Namespace) -> None:
    torch.manual_seed(args.seed)
    photos, labels, held_photos, held_labels = load_photos(args.photos)
    photos, _ = seen_only(photos, labels)
    held_photos, held_labels = seen_only(held_photos, held_labels)
    package = Package(args.teacher)
    teacher = package.tower("image")
    ids = SimpleTokenizer()([f"a photo of a {name}." for name in captions.CLASSES])
    with torch.no_grad():
        names = F.normalize(package.tower("text")(ids), dim=1)
    student = VisionTransformer(VIT)
    if args.start:
        student.load_state_dict(torch.load(args.start, weights_only=True)["model"])
    matrices = [p for p in student.transformer.parameters() if p.ndim == 2]
    muon = Muon(matrices, momentum=0.9)
    others = [p for p in student.parameters() if not any(p is m for m in matrices)]
    adam = torch.optim.AdamW(others, betas=(0.9, 0.98), weight_decay=0.0)
    steps = args.epochs * (len(photos) // args.batch_size)
    step, best, started = 0, 0.0, time.time()
    args.out.mkdir(parents=True, exist_ok=True)
    for epoch in range(args.epochs):
        total = 0.0
        batches = torch.randperm(len(photos)).split(args.batch_size)
        batches = batches[: len(photos) // args.batch_size]
        for rows in batches:
            x = mixed(augment(normalise(photos[rows])))
            with torch.autocast("cpu", dtype=torch.bfloat16):
                with torch.no_grad():
                    target = teacher(x)
                embedding = student(x)
            loss = 1 - F.cosine_similarity(embedding.float(), target.float()).mean()
            adam.zero_grad()
            loss.backward()
            ramp = ramp_of(step, steps)
            muon.step(args.lr * ramp)
            for group in adam.param_groups:
                group["lr"] = args.adam_lr * ramp
            adam.step()
            total += loss.item()
            step += 1
            if sys.stderr.isatty():
                print(f"\repoch {epoch} step {step}/{steps}", end="", file=sys.stderr)
        held = accuracy(student, held_photos, held_labels, names)
        line = (
            f"epoch {epoch} loss {total / len(batches):.4f} held-out {held:.4f} "
            f"{time.time() - started:.0f} s"
        )
        print("\r" + line, flush=True)
        with (args.out / "log.txt").open("a") as log:
            log.write(line + "\n")
        state = {"model": student.state_dict(), "epoch": epoch, "held_out": held}
        save(args.out / "last.pt", state)
        if held >= best:
            best = held
            save(args.out / "checkpoint.pt", state)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, required=True, metavar="NAME.glint")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="checkpoint to go on from (default: none)")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=250)
    parser.add_argument("--lr", type=float, default=0.04, help="of the blocks' matrices (Muon)")
    parser.add_argument("--adam-lr", type=float, default=2e-3, help="of everything else")
    parser.add_argument("--seed", type=int, default=1)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
