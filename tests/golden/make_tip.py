"""Writes tip.json: what the released Tip-Adapter code finds and trains.

    python tests/golden/make_tip.py TIP_ADAPTER

The folder is a checkout of gaopengcuhk/Tip-Adapter (d0e2d6f).  Its main.py run_tip_adapter_F and
utils.py search_hp run on noise that a test can draw itself (make_adapters.noise), on features in the
place of pictures and with one batch an epoch, so that no order of pictures matters:

  search    search_hp's alpha, beta and accuracy, for caches of different difficulty
  training  run_tip_adapter_F's loss of each epoch, the keys of the last epoch, those of the epoch
            that was best on its test features (here: those of the validation), and what the search
            after it finds
"""

import contextlib
import importlib
import json
import sys
import tempfile
import types
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "models" / "export"))
sys.path.insert(0, str(HERE))

import torch  # noqa: E402
from make_adapters import noise  # noqa: E402
from official import stub_imports  # noqa: E402
from torch.nn import functional as F  # noqa: E402

ANSWERS = HERE / "tip.json"
DIM, CLASSES, SHOTS, PICTURES = 16, 5, 8, 120
ALPHA, BETA = 1.17, 1.0


class World:
    """Pictures that scatter around a centre for each class, of which the words know only a part."""

    def __init__(self, seed: int, scatter: float, words: float):
        centres = noise(seed, CLASSES, DIM)
        self.keys, self.key_classes = self.pictures(seed + 1, centres, SHOTS * CLASSES, scatter)
        self.features, self.classes = self.pictures(seed + 2, centres, PICTURES, scatter)
        rows = F.normalize(words * centres + noise(seed + 3, CLASSES, DIM), dim=1)
        self.weights = rows.T
        self.values = F.one_hot(self.key_classes, CLASSES).float()

    @staticmethod
    def pictures(seed: int, centres: torch.Tensor, count: int, scatter: float):
        classes = torch.arange(count) * 7 % CLASSES
        rows = centres[classes] + scatter * noise(seed, count, DIM)
        return F.normalize(rows, dim=1), classes


class Official:
    def __init__(self, folder: Path):
        stub_imports()
        sys.path.insert(0, str(folder))
        self.main = importlib.import_module("main")
        self.utils = importlib.import_module("utils")
        # cls_acc makes a float of an array with one number, which NumPy no longer does.
        torch.Tensor.numpy = lambda tensor: tensor.item()

    def search(self, world: World, scale: list[float], step: list[int], adapter=None) -> dict:
        cfg = {"search_hp": True, "search_scale": scale, "search_step": step}
        seen, count = [], self.utils.cls_acc
        self.utils.cls_acc = lambda *given: seen.append(count(*given)) or seen[-1]
        with contextlib.redirect_stdout(None):
            beta, alpha = self.utils.search_hp(
                cfg, world.keys.T, world.values, world.features, world.classes, world.weights, adapter
            )
        self.utils.cls_acc = count
        return {"alpha": alpha, "beta": beta, "accuracy": max(seen) / 100}

    def train(self, world: World, epochs: int, rate: float, last: bool) -> dict:
        """`last`: keeps the last epoch, whatever its accuracy."""
        accuracies = []
        losses, found, keys = [], [], []
        functional = types.SimpleNamespace(
            cross_entropy=lambda *given: losses.append(F.cross_entropy(*given)) or losses[-1]
        )
        clip = types.SimpleNamespace(dtype=torch.float32, encode_image=lambda features: features)
        main, count = self.main, self.utils.cls_acc
        epoch = iter(range(10**6))

        def noted(*given):
            accuracies.append(count(*given) / 100)
            return 100 * accuracies[-1]

        main.F, main.cls_acc = functional, (lambda *_: next(epoch)) if last else noted

        def search(_cfg, *_rest, adapter):
            keys.append(adapter.weight.detach())
            found.append(self.search(world, [7, 3], [200, 20], adapter))
            return found[-1]["beta"], found[-1]["alpha"]

        main.search_hp = search
        batch = [(world.keys.clone(), world.key_classes)]
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(None):
            cfg = {"lr": rate, "train_epoch": epochs, "init_beta": BETA, "init_alpha": ALPHA}
            main.run_tip_adapter_F(
                cfg | {"cache_dir": folder, "shots": SHOTS},
                world.keys.clone().T, world.values, world.features, world.classes, world.features,
                world.classes, world.weights, clip, batch,
            )  # fmt: skip
        return {
            "losses": [loss.item() for loss in losses],
            "keys": keys[0].flatten().tolist(),
            "search": found[0],
            "accuracies": accuracies[1::2][:epochs],  # between those of the training pictures
        }


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("expected the folder of Tip-Adapter")
    torch.set_num_threads(1)
    official = Official(Path(sys.argv[1]))
    rows = [
        (11, 1.2, 1.6, 12, 50),
        (21, 2.0, 1.6, 12, 50),
        (21, 1.2, 1.0, 7, 3),
        (31, 2.0, 1.0, 7, 3),
        (41, 0.2, 4.0, 7, 3),
    ]
    keys = ("seed", "scatter", "words", "beta_end", "alpha_end")
    cases = [dict(zip(keys, row, strict=True)) for row in rows]
    for case in cases:
        world = World(case["seed"], case["scatter"], case["words"])
        scale = [case["beta_end"], case["alpha_end"]]
        case["found"] = official.search(world, scale, [200, 20])
    training = {"seed": 61, "scatter": 2.0, "words": 1.0, "rate": 0.05}
    world = World(*(training[key] for key in ("seed", "scatter", "words")))
    training["last"] = official.train(world, 20, training["rate"], last=True)
    training["best"] = official.train(world, 20, training["rate"], last=False)
    del training["best"]["losses"], training["last"]["accuracies"]
    ANSWERS.write_text(json.dumps({"search": cases, "training": training}) + "\n")


if __name__ == "__main__":
    main()
