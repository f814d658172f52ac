"""Zero-shot accuracy of a package, computed in Python.

    python models/tiny/evaluate_clip.py --model models/tiny-clip.glint --folder cifar10/test

`--folder` holds a folder of .jpg pictures for each class; the folders' names are the labels.  The
towers run from the package's archives; pictures go through Pillow and open_clip's transform, texts
through open_clip's tokenizer.  Prints {"images", "top1", "top5"}, fractions of 1.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "export"))

import torch  # noqa: E402
from glint_export import ExportError  # noqa: E402
from glint_export.package import Package  # noqa: E402
from glint_export.preprocess import transform  # noqa: E402
from open_clip.tokenizer import SimpleTokenizer  # noqa: E402
from PIL import Image  # noqa: E402
from torch import Tensor  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from tqdm import tqdm  # noqa: E402

BATCH = 250


def class_embeddings(package: Package, labels: list[str]) -> Tensor:
    """[K, D] unit rows: each prompt normalised, their mean, normalised again
    (open_clip/zero_shot_classifier.py, build_zero_shot_classifier)."""
    tokenizer = SimpleTokenizer(context_length=package.manifest["tokenizer"]["context"])
    tower, templates = package.tower("text"), package.templates()
    rows = []
    for label in labels:
        prompts = tokenizer([t.replace("{}", label) for t in templates])
        rows.append(F.normalize(F.normalize(tower(prompts), dim=1).mean(0), dim=0))
    return torch.stack(rows)


@torch.no_grad()
def evaluate(package: Package, folder: Path) -> dict[str, float]:
    labels = sorted(p.name for p in folder.iterdir() if p.is_dir())
    files = [
        (p, k) for k, label in enumerate(labels) for p in sorted((folder / label).glob("*.jpg"))
    ]
    if not files:
        raise ExportError(f"expected .jpg pictures in class folders of {folder}, got none")
    classes = class_embeddings(package, labels)
    tower = package.tower("image")
    preprocess = transform(package.manifest["preprocess"]["default"])
    right = torch.zeros(2, dtype=torch.int64)  # within the first 1, the first 5
    with tqdm(total=len(files), unit="image", disable=None) as bar:  # None: only on a terminal
        for start in range(0, len(files), BATCH):
            chunk = files[start : start + BATCH]
            pixels = torch.stack([preprocess(Image.open(path)) for path, _ in chunk])
            scores = F.normalize(tower(pixels), dim=1) @ classes.T
            truth = torch.tensor([[k] for _, k in chunk])
            hits = scores.topk(min(5, len(labels)), dim=1).indices == truth
            right += torch.stack([hits[:, 0].sum(), hits.any(dim=1).sum()])
            bar.update(len(chunk))
    top1, top5 = (right / len(files)).tolist()
    return {"images": len(files), "top1": round(top1, 6), "top5": round(top5, 6)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, metavar="NAME.glint")
    parser.add_argument("--folder", type=Path, required=True, metavar="DIR")
    args = parser.parse_args()
    try:
        print(json.dumps(evaluate(Package(args.model), args.folder)))
    except (ExportError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
