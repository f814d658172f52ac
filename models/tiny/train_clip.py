r"""Trains tiny-clip: a contrastive image and text encoder on the CIFAR-10 training photos.

    python models/tiny/train_clip.py --photos cifar10/train --out build/tiny-clip
    python models/tiny/train_clip.py --photos cifar10/train --out build/tiny-clip-2 \
        --start build/tiny-clip/checkpoint.pt --epochs 10 --lr 0.03 --adam-lr 0.002 --seed 2

`--photos` is a folder of class folders of 32 x 32 photos.  The last 500 photos of each class
(by name) are held out; they alone choose the checkpoint.  Writes OUT/checkpoint.pt, the best
epoch so far, and OUT/log.txt.  About 100 s an epoch on two cores with bf16.
"""

import argparse
import math
import random
import sys
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "export"))

import captions  # noqa: E402
from muon import Muon  # noqa: E402
from net import TinyClip  # noqa: E402
from open_clip.tokenizer import SimpleTokenizer  # noqa: E402
from photos import augment, load_photos, normalise  # noqa: E402


class CaptionIds:
    """Ids of every caption, padded with zeros to the longest one."""

    def __init__(self):
        tokenizer = SimpleTokenizer()
        texts = sorted({t for k in range(len(captions.CLASSES)) for t in captions.every(k)})
        ids = tokenizer(texts)
        self.ids = ids[:, : int(ids.argmax(1).max()) + 1]
        self.row = {t: i for i, t in enumerate(texts)}
        names = [f"a photo of a {name}." for name in captions.CLASSES]
        self.names = tokenizer(names)

    def draw(self, labels: Tensor, rng: random.Random) -> Tensor:
        return torch.tensor([self.row[captions.draw(int(k), rng)] for k in labels])


def contrastive_loss(image: Tensor, text: Tensor, scale: Tensor, positive: Tensor) -> Tensor:
    """Symmetric InfoNCE where every pair of one class is positive.  image, text [B, D]."""
    logits = scale * F.normalize(image, dim=1) @ F.normalize(text, dim=1).T  # [B, B]
    target = positive / positive.sum(1, keepdim=True)
    by_image = -(target * logits.log_softmax(1)).sum(1).mean()
    by_text = -(target * logits.log_softmax(0)).sum(1).mean()
    return 0.5 * (by_image + by_text)


@torch.no_grad()
def accuracy(model: TinyClip, photos: Tensor, labels: Tensor, names: Tensor) -> float:
    model.eval()
    text = F.normalize(model.text(names), dim=1)
    right = 0
    for x, y in zip(photos.split(500), labels.split(500), strict=True):
        right += int(((model.image(normalise(x)) @ text.T).argmax(1) == y).sum())
    model.train()
    return right / len(labels)


def train(args: argparse.Namespace) -> None:
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    photos, labels, held_photos, held_labels = load_photos(args.photos)
    text_ids = CaptionIds()
    model = TinyClip().to(memory_format=torch.channels_last)
    if args.start:
        model.load_state_dict(torch.load(args.start, weights_only=True)["model"])
        model.image.stem.weight.requires_grad_(False)
    else:
        model.image.whiten(normalise(photos[:5000]))
    filters = [p for p in model.image.stages.parameters() if p.ndim == 4]
    others = [p for p in model.parameters() if p.requires_grad and not any(p is f for f in filters)]
    muon = Muon(filters, momentum=0.85)
    adam = torch.optim.AdamW(others, lr=args.adam_lr, betas=(0.9, 0.98), weight_decay=1e-4)
    steps = args.epochs * (len(photos) // args.batch_size)
    step, best, started = 0, 0.0, time.time()
    args.out.mkdir(parents=True, exist_ok=True)
    for epoch in range(args.epochs):
        order = torch.randperm(len(photos)).split(args.batch_size)
        for rows in order[: len(photos) // args.batch_size]:
            ramp = min(step / (0.15 * steps), (steps - step) / (0.85 * steps))
            y = labels[rows]
            unique, back = text_ids.draw(y, rng).unique(return_inverse=True)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                image = model.image(augment(normalise(photos[rows])))
            text = model.text(text_ids.ids[unique])[back]
            loss = contrastive_loss(
                image.float(), text, model.log_scale.exp(), (y[:, None] == y[None]).float()
            )
            adam.zero_grad()
            loss.backward()
            muon.step(args.lr * ramp)
            for group in adam.param_groups:
                group["lr"] = args.adam_lr * ramp
            adam.step()
            model.log_scale.data.clamp_(max=math.log(100))
            step += 1
            if step % 20 == 0:
                note = f"\repoch {epoch} step {step}/{steps} loss {loss.item():.3f}"
                print(note, end="", file=sys.stderr)
        held = accuracy(model, held_photos, held_labels, text_ids.names)
        line = (
            f"epoch {epoch} loss {loss.item():.4f} held-out {held:.4f} "
            f"scale {model.log_scale.exp().item():.2f} {time.time() - started:.0f} s"
        )
        print("\r" + line, flush=True)
        with (args.out / "log.txt").open("a") as log:
            log.write(line + "\n")
        if held >= best:
            best = held
            state = {"model": model.state_dict(), "epoch": epoch, "held_out": held}
            torch.save(state, args.out / "checkpoint.pt.new")
            (args.out / "checkpoint.pt.new").replace(args.out / "checkpoint.pt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="checkpoint to go on from (default: none)")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=500)
    parser.add_argument("--lr", type=float, default=0.08, help="of the filters (Muon)")
    parser.add_argument("--adam-lr", type=float, default=4e-3, help="of everything else")
    parser.add_argument("--seed", type=int, default=1)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
