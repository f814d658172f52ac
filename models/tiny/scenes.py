r"""Scenes with known masks: CIFAR-10 photos pasted on drawn backgrounds and on each other.

    python models/tiny/scenes.py --photos cifar10/test --count 500 --side 96 --seed 7 \
        --out build/scenes

writes build/scenes/pictures/NNNN.png and build/scenes/maps/NNNN.png, grey pictures of label
indices: captions.CLASSES in their order, then background.  Training draws scenes of training
photos, tests of test photos alone.

A photo is stretched, mirrored, lit and cut to a rectangle, a rounded one or an ellipse; all that
was pasted counts as its class, so sky around an aeroplane does, and later photos hide earlier ones.
Backgrounds are gradients, clouds and stripes, no photos: nothing in them has a name.
"""

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "export")]

import captions  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from photos import class_files, load_photos, read_photo  # noqa: E402
from torch import Tensor  # noqa: E402
from torch.nn import functional as F  # noqa: E402

LABELS = [*captions.CLASSES, "background"]
BACKGROUND = len(captions.CLASSES)
PHOTO = 32  # pixels a side
SCALES = (0.7, 1.6)  # of a photo in a scene, drawn evenly in logarithms
STRETCH = 0.2  # of a photo's aspect, in logarithms, either way
SHAPES = torch.tensor([2.0, 4.0, 64.0])  # |u|^p + |v|^p < 1: ellipse, rounded rectangle, rectangle
MOST = 3  # photos in a scene of 64 pixels a side; more in larger ones


def load_test(folder: Path) -> tuple[Tensor, Tensor]:
    """All photos u8 [N, 3, 32, 32] of a folder of class folders, and their labels [N]."""
    files = [class_files(folder, name) for name in captions.CLASSES]
    photos = torch.stack([read_photo(file) for of_class in files for file in of_class])
    labels = [label for label, of_class in enumerate(files) for _ in of_class]
    return photos, torch.tensor(labels)


def load_train(folder: Path) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """((photos, labels) that train, those that are held out), as photos.load_photos."""
    photos, labels, held_photos, held_labels = load_photos(folder)
    return (photos, labels), (held_photos, held_labels)


class Scenes:
    """An endless row of scenes; the same ones for the same photos and seed."""

    def __init__(self, photos: Tensor, labels: Tensor, seed: int):
        self.photos, self.labels = photos, labels
        self.generator = torch.Generator().manual_seed(seed)

    def _uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=self.generator) * (high - low) + low

    def _whole(self, end: int, *shape: int) -> Tensor:
        return torch.randint(end, shape, generator=self.generator)

    def _clouds(self, batch: int, side: int) -> Tensor:
        """Smooth noise of 2 to 16 cells a side, [B, 3, S, S] around 0."""
        out = torch.zeros(batch, 3, side, side)
        for cells in (2, 5, 16):
            grid = torch.randn(batch, 3, cells, cells, generator=self.generator)
            share = self._uniform(0.0, 1.0, batch, 1, 1, 1)
            out += share * F.interpolate(grid, (side, side), mode="bicubic", align_corners=False)
        return out

    def _stripes(self, batch: int, side: int) -> Tensor:
        """Waves of one direction and colour, [B, 3, S, S] around 0."""
        line = torch.arange(side) / PHOTO
        angle = self._uniform(0.0, torch.pi, batch, 1, 1)
        rate = self._uniform(1.0, 6.0, batch, 1, 1) * 2 * torch.pi
        wave = torch.sin(rate * (angle.cos() * line[:, None] + angle.sin() * line[None]))
        sharp = self._uniform(1.0, 8.0, batch, 1, 1)
        colour = torch.randn(batch, 3, 1, 1, generator=self.generator)
        return colour * (sharp * wave).clamp(-1, 1)[:, None]

    def backgrounds(self, batch: int, side: int) -> Tensor:
        """[B, 3, S, S] f32, 0 to 255."""
        base = self._uniform(0.0, 255.0, batch, 3, 1, 1)
        clouds = self._uniform(0.0, 60.0, batch, 1, 1, 1) * self._clouds(batch, side)
        striped = (self._uniform(0.0, 1.0, batch, 1, 1, 1) < 0.4).float()
        stripes = striped * self._uniform(5.0, 60.0, batch, 1, 1, 1) * self._stripes(batch, side)
        grain = torch.randn(batch, 3, side, side, generator=self.generator)
        grain = self._uniform(0.0, 12.0, batch, 1, 1, 1) * grain
        return (base + clouds + stripes + grain).clamp(0, 255)

    def _place(self, batch: int, side: int) -> Tensor:
        """Where each pixel of a scene lies in a photo whose sides go from -1 to 1, [B, S, S, 2]."""
        low, high = torch.tensor(SCALES).log().tolist()
        size = self._uniform(low, high, batch).exp() * PHOTO
        aspect = self._uniform(-STRETCH, STRETCH, batch).exp()
        extent = torch.stack([size * aspect, size / aspect], dim=1)  # width, height
        centre = self._uniform(0.1 * side, 0.9 * side, batch, 2)
        mirror = torch.ones(batch, 2)
        mirror[:, 0] -= 2.0 * self._whole(2, batch)
        line = torch.arange(side) + 0.5
        pixels = torch.stack(torch.meshgrid(line, line, indexing="xy"), dim=2)  # x, y
        offset = pixels[None] - centre[:, None, None]
        return offset * (2 * mirror / extent)[:, None, None]

    def draw(self, batch: int, side: int) -> tuple[Tensor, Tensor]:
        """Pictures u8 [B, 3, S, S] and maps u8 [B, S, S] of indices in LABELS."""
        canvas = self.backgrounds(batch, side)
        maps = torch.full((batch, side, side), BACKGROUND, dtype=torch.uint8)
        most = max(1, round(MOST * (side / 64) ** 2))
        count = 1 + self._whole(most, batch)
        for i in range(most):
            rows = self._whole(len(self.photos), batch)
            place = self._place(batch, side)
            photo = F.grid_sample(
                self.photos[rows].float(), place, padding_mode="border", align_corners=False
            )
            photo = photo * self._uniform(0.8, 1.2, batch, 1, 1, 1)
            photo = photo + self._uniform(-20.0, 20.0, batch, 1, 1, 1)
            power = SHAPES[self._whole(len(SHAPES), batch)].view(batch, 1, 1)
            inside = (place.abs() ** power[..., None]).sum(dim=3) < 1.0
            inside &= (count > i).view(batch, 1, 1)
            canvas = torch.where(inside[:, None], photo.clamp(0, 255), canvas)
            maps = torch.where(inside, self.labels[rows].to(torch.uint8)[:, None, None], maps)
        return canvas.round().to(torch.uint8), maps


def write(scenes: Scenes, count: int, side: int, out: Path) -> None:
    """OUT/pictures/NNNN.png and OUT/maps/NNNN.png."""
    for name in ("pictures", "maps"):
        (out / name).mkdir(parents=True, exist_ok=True)
    pictures, maps = scenes.draw(count, side)
    for i, (picture, labels) in enumerate(zip(pictures, maps, strict=True)):
        Image.fromarray(picture.permute(1, 2, 0).numpy()).save(out / f"pictures/{i:04}.png")
        Image.fromarray(labels.numpy()).save(out / f"maps/{i:04}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True, help="folder of class folders")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    write(Scenes(*load_test(args.photos), args.seed), args.count, args.side, args.out)


if __name__ == "__main__":
    main()
