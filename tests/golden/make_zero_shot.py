"""Writes zero_shot.json: what open_clip's zero-shot classifier answers with the random-vit weights.

    python tests/golden/make_zero_shot.py

Runs open_clip.build_zero_shot_classifier (open_clip/zero_shot_classifier.py) on the package's
reference pictures, with one template and with several, and records logits and probabilities.
"""

import json

import open_clip
import torch
from make_tiny_vit import HERE, PACKAGE, random_clip
from PIL import Image

LABELS = ["cat", "dog", "small bird", "fire truck", "Bär", "ice cream", "7 apples"]
TEMPLATES = {
    "one": ["a photo of a {}."],
    "several": ["a photo of a {}.", "{}", "a blurry picture of the {}, outdoors.", "art of a {}!"],
}


@torch.no_grad()
def main() -> None:
    model, parts = random_clip()
    pictures = sorted((PACKAGE / "reference").glob("*.png"))
    pixels = torch.stack([parts.reference.pixels(Image.open(p)) for p in pictures])
    image = model.encode_image(pixels, normalize=True)
    cases = {}
    for name, templates in TEMPLATES.items():
        weights = open_clip.build_zero_shot_classifier(
            model, parts.reference.tokenizer, LABELS, [lambda c, t=t: t.format(c) for t in templates]
        )
        logits = parts.reference.logit_scale * image @ weights
        cases[name] = {
            "templates": templates,
            "logits": logits.tolist(),
            "probabilities": logits.softmax(dim=-1).tolist(),
        }
    golden = {
        "open_clip": open_clip.__version__,
        "pictures": [p.name for p in pictures],
        "labels": LABELS,
        "cases": cases,
    }
    text = json.dumps(golden, ensure_ascii=False, indent=1)
    (HERE / "zero_shot.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
