r"""Trains tiny-groupvit's image tower on scenes of known masks (scenes.py).

    python models/tiny/train_groupvit.py --photos cifar10/train --base models/tiny-clip.glint \
        --out build/tiny-groupvit

GroupViT learns from pictures and their captions alone, on millions of them.  With an hour of one
core it is told more here.  There is the paper's contrast of a picture with the words of what it
shows (all classes of the scene are right, in equal shares, as in its multi-label loss).  Besides,
every patch is told its class: through the groups it belongs to (its shares in the groups times
their classes, which is what segmentation computes), and before the grouping, by a layer that is
thrown away.  Patches of background are told that no class is likelier than another, which the
head's background rule reads.  And two patches are told to share a group if they show the same.
Words and the cells of the convolutions are tiny-clip's, which learns nothing.

The scenes of held-out photos choose the checkpoint and the background's threshold.  Writes
OUT/last.pt, OUT/checkpoint.pt and OUT/log.txt; a run that was stopped goes on from OUT/last.pt.
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
from groupvit_net import GROUPVIT, SIDE, TrainGroupVit  # noqa: E402
from groupvit_scores import Scores, bank_of, confusion  # noqa: E402
from glint_export.towers import ConvImageEncoder  # noqa: E402
from muon import Muon  # noqa: E402
from open_clip.tokenizer import SimpleTokenizer  # noqa: E402
from photos import normalise  # noqa: E402
from scenes import BACKGROUND, Scenes, load_train  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

CLASSES = len(captions.CLASSES)
EVERY = 200  # steps between looks at held-out scenes
HELD = 256  # of them
POOL = 2048  # scenes whose cells are kept
REPLAYS = 4


class Words:
    """Unit embeddings of every caption, a class after another."""

    @torch.no_grad()
    def __init__(self, base: Base):
        tokenizer = SimpleTokenizer()
        self.rows = [
            F.normalize(base.text(tokenizer(captions.every(label))), dim=1)
            for label in range(CLASSES)
        ]

    def draw(self, rng: random.Random) -> Tensor:
        """[K, D]: a caption of each class."""
        return torch.stack([rows[rng.randrange(len(rows))] for rows in self.rows])


def shares_of(maps: Tensor) -> Tensor:
    """Share of each class and of background in each patch, [B, N, K + 1]."""
    areas = F.one_hot(maps.long(), CLASSES + 1).movedim(3, 1).float()
    return F.avg_pool2d(areas, GROUPVIT.patch_size).flatten(2).transpose(1, 2)


def likely(shares: Tensor) -> Tensor:
    """Classes of each patch [B, N, K], where background is all of them alike."""
    return shares[..., :CLASSES] + shares[..., CLASSES:] / CLASSES


def pairs_of(shares: Tensor, belongs: Tensor) -> Tensor:
    """Whether two patches share a group, if and only if they show the same."""
    together = (belongs.transpose(1, 2) @ belongs).clamp(1e-4, 1 - 1e-4)  # [B, N, N]
    same = shares @ shares.transpose(1, 2)
    told = -(same * together.log() + (1 - same) * (1 - together).log())
    weight = same / same.mean() + (1 - same) / (1 - same).mean()  # as much to part as to join
    return (weight * told).mean() / 2


def loss_of(model: nn.Module, cells: Tensor, shares: Tensor, words: Tensor) -> Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        embedding, groups, belongs, patches = model.tower.learn(cells)
        guesses = model.patches(patches)
    scale = model.log_scale.exp().clamp(max=100)
    of_groups = (scale * F.normalize(groups.float(), dim=2) @ words.T).softmax(dim=2)
    told = belongs.transpose(1, 2) @ of_groups  # [B, N, K]
    through = -(likely(shares) * told.clamp(min=1e-5).log()).sum(dim=2).mean()
    before = -(shares * guesses.float().log_softmax(dim=2)).sum(dim=2).mean()
    seen = (shares[..., :CLASSES].sum(dim=1) > 0).float()
    wanted = seen / seen.sum(dim=1, keepdim=True).clamp(min=1)
    logits = scale * F.normalize(embedding.float(), dim=1) @ words.T
    picture = -(wanted * logits.log_softmax(dim=1)).sum(dim=1).mean()
    return through + 0.5 * before + 0.3 * picture + 0.5 * pairs_of(shares, belongs)


class Learner(nn.Module):
    """The tower and what is thrown away when it has learned."""

    def __init__(self, teacher: ConvImageEncoder):
        super().__init__()
        self.tower = TrainGroupVit(teacher)
        self.patches = nn.Linear(GROUPVIT.width, CLASSES + 1)
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())


class Pool:
    """Scenes whose cells are computed once, and which are learned from REPLAYS times."""

    def __init__(self, model: Learner, scenes: Scenes):
        self.model, self.scenes = model, scenes
        self.batches: list[Tensor] = []  # rows that are still to come

    def next(self, batch: int) -> tuple[Tensor, Tensor]:
        """Cells and shares."""
        if not self.batches:
            drawn = [self.scenes.draw(batch, SIDE) for _ in range(-(-POOL // batch))]
            self.cells = torch.cat([cells_of(self.model, pictures) for pictures, _ in drawn])
            self.shares = torch.cat([shares_of(maps) for _, maps in drawn])
            for _ in range(REPLAYS):
                self.batches += torch.randperm(len(self.cells)).split(batch)
        rows = self.batches.pop()
        return self.cells[rows], self.shares[rows]


class Optimizer:
    """Muon for the blocks' matrices, Adam for all else, both along one ramp."""

    def __init__(self, model: Learner, lr: float, adam_lr: float):
        self.rates = lr, adam_lr
        matrices = [p for p in model.tower.stages.parameters() if p.ndim == 2]
        self.muon = Muon(matrices, momentum=0.9)
        others = [p for p in model.parameters() if not any(p is m for m in matrices)]
        others = [p for p in others if p.requires_grad]
        self.adam = torch.optim.AdamW(others, betas=(0.9, 0.98), weight_decay=0.01)

    def step(self, loss: Tensor, ramp: float) -> None:
        self.adam.zero_grad()
        loss.backward()
        self.muon.step(self.rates[0] * ramp)
        for group in self.adam.param_groups:
            group["lr"] = self.rates[1] * ramp
        self.adam.step()

    def state_dict(self) -> dict:
        return {"adam": self.adam.state_dict(), "muon": self.muon.buffers}

    def load_state_dict(self, state: dict) -> None:
        self.adam.load_state_dict(state["adam"])
        for buffer, saved in zip(self.muon.buffers, state["muon"], strict=True):
            buffer.copy_(saved)


@torch.no_grad()
def cells_of(model: Learner, pictures: Tensor) -> Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return model.tower.patch.cells(normalise(pictures))


@torch.no_grad()
def look(model: Learner, cells: Tensor, maps: Tensor, bank: Tensor) -> Scores:
    """The best background threshold's scores on held-out scenes, each a window."""
    tower = model.tower.eval()
    scale = float(model.log_scale.exp().clamp(max=100))
    made = confusion(tower, cells, maps, bank, scale)
    tower.train()
    return made


def train(args: argparse.Namespace) -> None:
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    learned, held = load_train(args.photos)
    scenes = Scenes(*learned, args.seed)
    pictures, held_maps = Scenes(*held, 1).draw(HELD, SIDE)
    base = load_base(args.base)
    words, bank = Words(base), bank_of(base.text, captions.CLASSES)
    model = Learner(base.image)
    pool, held_cells = Pool(model, scenes), cells_of(model, pictures)
    optimizer = Optimizer(model, args.lr, args.adam_lr)
    step, best, started = 0, 0.0, time.process_time()
    args.out.mkdir(parents=True, exist_ok=True)
    if (args.out / "last.pt").is_file():
        state = torch.load(args.out / "last.pt", weights_only=True)
        model.load_state_dict(state["learner"])
        optimizer.load_state_dict(state["optimizer"])
        step, best = state["step"], state["best"]
        scenes.generator.manual_seed(args.seed + step)
    total = 0.0
    while step < args.steps:
        loss = loss_of(model, *pool.next(args.batch_size), words.draw(rng))
        optimizer.step(loss, ramp_of(step, args.steps))
        total += loss.item()
        step += 1
        if step % EVERY and step != args.steps:
            continue
        scores = look(model, held_cells, held_maps, bank)
        line = (
            f"step {step} loss {total / EVERY:.4f} {scores} "
            f"{time.process_time() - started:.0f} s"
        )
        print(line, flush=True)
        with (args.out / "log.txt").open("a") as log:
            log.write(line + "\n")
        total = 0.0
        state = {
            "tower": model.tower.tower().state_dict(),
            "log_scale": model.log_scale.detach().clone(),
            "threshold": scores.threshold,
            "miou": scores.miou,
            "step": step,
        }
        if scores.miou >= best:
            best = scores.miou
            save(args.out / "checkpoint.pt", state)
        whole = {"learner": model.state_dict(), "optimizer": optimizer.state_dict(), "best": best}
        save(args.out / "last.pt", whole | {"step": step})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True, metavar="TINY-CLIP.glint")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1400)
    parser.add_argument("--batch-size", type=int, default=96)
    parser.add_argument("--lr", type=float, default=0.02, help="of the blocks' matrices (Muon)")
    parser.add_argument("--adam-lr", type=float, default=2e-3, help="of everything else")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    train(args)


if __name__ == "__main__":
    main()
