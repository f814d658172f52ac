r"""Segments scenes with an LSeg package in plain Python, and says how right that is.

    python models/tiny/scenes.py --photos cifar10/test --count 500 --side 96 --seed 7 \
        --out build/scenes
    python models/tiny/evaluate_lseg.py --scenes build/scenes --model models/tiny-lseg.glint \
        --figure models/tiny-lseg.png

Scenes are squares of the package's single_size and window, so nothing is resized and the official
protocol adds the mirrored view alone.  The program's
`glint evaluate --folder build/scenes/pictures --segmentation build/scenes/maps` computes the same.
The figure's rows: pictures, answers of one pass, truth.
"""

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "export")]

import numpy as np  # noqa: E402
import torch  # noqa: E402
from evaluate_groupvit import COLOURS, read  # noqa: E402
from glint_export.package import Package  # noqa: E402
from groupvit_scores import of_counts  # noqa: E402
from lseg_net import planes  # noqa: E402
from open_clip.tokenizer import SimpleTokenizer  # noqa: E402
from PIL import Image  # noqa: E402
from scenes import LABELS  # noqa: E402
from torch import Tensor  # noqa: E402
from torch.nn import functional as F  # noqa: E402

SHOWN = 12  # scenes in the figure


class Segmenter:
    """A package's towers and numbers."""

    def __init__(self, package: Package):
        spec = package.manifest["preprocess"]["default"]
        self.tower = package.tower("image")
        self.mean, self.std = (torch.tensor(spec[k]).view(1, 3, 1, 1) for k in ("mean", "std"))
        self.bank = F.normalize(package.tower("text")(SimpleTokenizer()(LABELS)), dim=1)

    def planes(self, pixels: Tensor) -> Tensor:
        """[B, 3, S, S] -> logits [B, K, S, S]."""
        return planes(self.tower(pixels), self.bank)

    def answers(self, pictures: Tensor, mirrored: bool = False) -> Tensor:
        """Of squares u8 [B, 3, S, S], labels [B, S, S]."""
        pixels = (pictures.float() / 255 - self.mean) / self.std
        logits = self.planes(pixels)
        if mirrored:
            logits = logits + self.planes(pixels.flip(3)).flip(3)
        return logits.argmax(dim=1)


@torch.no_grad()
@torch.jit.optimized_execution(False)
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, metavar="NAME.glint")
    parser.add_argument("--figure", type=Path, metavar="FILE.png")
    args = parser.parse_args()
    segmenter = Segmenter(Package(args.model))
    pictures, maps = read(args.scenes)
    classes = len(LABELS)
    for name in ("single", "official"):
        counts = torch.zeros(classes * classes)
        for x, truth in zip(pictures.split(50), maps.split(50), strict=True):
            pairs = (truth * classes + segmenter.answers(x, name == "official")).flatten()
            counts += torch.bincount(pairs, minlength=classes * classes)
        counts = counts.view(classes, classes)
        both = counts.sum(0) + counts.sum(1) - counts.diag()
        iou = zip(LABELS, (counts.diag() / both).tolist(), strict=True)
        print(f"{name}: {of_counts(counts, 0.0)}")
        print(", ".join(f"{label} {x:.3f}" for label, x in iou))
    if args.figure:
        rows = [pictures[:SHOWN].permute(0, 2, 3, 1).numpy()]
        rows += [COLOURS[x.numpy()] for x in (segmenter.answers(pictures[:SHOWN]), maps[:SHOWN])]
        image = np.concatenate([np.concatenate(list(row), axis=1) for row in rows])
        Image.fromarray(image).save(args.figure, optimize=True)


if __name__ == "__main__":
    main()
