r"""Segments scenes with a GroupViT package in plain Python, and says how right that is.

    python models/tiny/scenes.py --photos cifar10/test --count 500 --side 96 --seed 7 \
        --out build/scenes
    python models/tiny/evaluate_groupvit.py --scenes build/scenes \
        --model models/tiny-groupvit.glint --figure models/tiny-groupvit.png

Scenes are squares whose side is the package's short side, so nothing is resized.  The program's
`glint evaluate --folder build/scenes/pictures --segmentation build/scenes/maps` computes the same.
The figure's rows: pictures, groups (each in a colour of its own, the whole picture as one window),
answers, truth.
"""

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "export")]

import numpy as np  # noqa: E402
import torch  # noqa: E402
from glint_export.package import Package  # noqa: E402
from groupvit_scores import bank_of, group_maps, matrices, of_counts  # noqa: E402
from PIL import Image  # noqa: E402
from scenes import BACKGROUND, LABELS  # noqa: E402
from torch import Tensor  # noqa: E402

SHOWN = 12  # scenes in the figure
COLOURS = np.array(
    [
        [230, 25, 75], [60, 180, 75], [255, 225, 25], [0, 130, 200], [245, 130, 48],
        [145, 30, 180], [70, 240, 240], [240, 50, 230], [128, 128, 0], [0, 128, 128], [40, 40, 40],
    ],
    np.uint8,
)  # fmt: skip


class Segmenter:
    """A package's towers and numbers."""

    def __init__(self, package: Package):
        manifest = package.manifest
        self.tower = package.tower("image")
        self.scale = manifest["logit"]["scale"]
        self.parameters = manifest["tasks"]["segment"]["heads"][0]["parameters"]
        spec = manifest["preprocess"]["segment"]
        self.mean, self.std = (torch.tensor(spec[k]).view(1, 3, 1, 1) for k in ("mean", "std"))
        self.bank = bank_of(package.tower("text"), LABELS[:BACKGROUND])

    def pixels(self, pictures: Tensor) -> Tensor:
        return (pictures.float() - 255 * self.mean) / (255 * self.std)

    def planes(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Of windows [B, 3, S, S]: planes [B, K + 1, S, S] and each pixel's group [B, S, S]."""
        embedding, tokens, first, second = self.tower.groups(pixels)
        sure = matrices(embedding, tokens, self.bank, self.scale)  # [B, G, K]
        groups = group_maps(first, second, pixels.shape[3])
        best, highest = sure.amax(dim=2), sure.amax(dim=(1, 2))
        lowest = highest.clamp(max=self.parameters["background_threshold"])
        unsure = (best < lowest[:, None]).float()  # [B, G]
        of_groups = torch.cat([sure, unsure[:, :, None]], dim=2).transpose(1, 2)
        index = groups.flatten(1)[:, None].expand(-1, of_groups.shape[1], -1)
        return of_groups.gather(2, index).unflatten(2, groups.shape[1:]), groups

    def official(self, pixels: Tensor) -> Tensor:
        """Labels of squares [B, S, S], by overlapping windows."""
        crop, stride = self.parameters["crop_size"], self.parameters["stride"]
        side = pixels.shape[3]
        starts = [min(i, side - crop) for i in range(0, max(side - crop, 0) + stride, stride)]
        total = torch.zeros(len(pixels), len(LABELS), side, side)
        count = torch.zeros(side, side)
        for y in dict.fromkeys(starts):
            for x in dict.fromkeys(starts):
                part = slice(y, y + crop), slice(x, x + crop)
                total[:, :, *part] += self.planes(pixels[:, :, *part])[0]
                count[part] += 1
        return (total / count).argmax(dim=1)


def read(folder: Path) -> tuple[Tensor, Tensor]:
    """Pictures u8 [N, 3, S, S] and maps i64 [N, S, S]."""
    files = sorted((folder / "pictures").glob("*.png"))
    pictures = [np.array(Image.open(f).convert("RGB")).transpose(2, 0, 1) for f in files]
    maps = [np.array(Image.open(folder / "maps" / f.name)) for f in files]
    return torch.from_numpy(np.stack(pictures)), torch.from_numpy(np.stack(maps)).long()


def figure(segmenter: Segmenter, pictures: Tensor, maps: Tensor) -> Image.Image:
    pixels = segmenter.pixels(pictures)
    _, groups = segmenter.planes(pixels)
    rows = [pictures.permute(0, 2, 3, 1).numpy()]
    rows += [COLOURS[x.numpy()] for x in (groups, segmenter.official(pixels), maps)]
    return Image.fromarray(np.concatenate([np.concatenate(list(row), axis=1) for row in rows]))


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
    counts = {name: torch.zeros(classes * classes) for name in ("official", "single")}
    for x, truth in zip(pictures.split(50), maps.split(50), strict=True):
        pixels = segmenter.pixels(x)
        answers = segmenter.official(pixels), segmenter.planes(pixels)[0].argmax(dim=1)
        for total, answer in zip(counts.values(), answers, strict=True):
            total += torch.bincount((truth * classes + answer).flatten(), minlength=classes**2)
    for name, total in counts.items():
        threshold = segmenter.parameters["background_threshold"]
        scores = of_counts(total.view(classes, classes), threshold)
        print(f"{name}: {scores}")
    if args.figure:
        figure(segmenter, pictures[:SHOWN], maps[:SHOWN]).save(args.figure, optimize=True)


if __name__ == "__main__":
    main()
