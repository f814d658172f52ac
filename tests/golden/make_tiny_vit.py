"""Writes packages/random-vit.glint: a CLIP of 2 layers a tower with random weights.

    python tests/golden/make_tiny_vit.py

Small enough to commit (f16 storage, text width 16), with every feature of the true shape: the
published vocabulary, context 77, causal text tower, ViT with class token.  The reference is
open_clip's own CLIP class on the same weights.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "models" / "export"))

import open_clip  # noqa: E402
import torch  # noqa: E402
from glint_export import clip, write_package  # noqa: E402
from glint_export.random_weights import randomise  # noqa: E402
from glint_export.parts import PackageParts  # noqa: E402
from open_clip.transform import PreprocessCfg  # noqa: E402

PACKAGE = HERE / "packages" / "random-vit.glint"
CONFIG = {
    "embed_dim": 24,
    "quick_gelu": False,
    "vision_cfg": {"image_size": 32, "patch_size": 8, "width": 32, "layers": 2, "head_width": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2},
}
SEED = 3


def random_clip() -> tuple[open_clip.CLIP, PackageParts]:
    """The reference model, its weights rounded to f16, and the package made of it."""
    torch.set_num_threads(1)  # one order of summation, so the same bytes again
    model = open_clip.CLIP(**CONFIG).eval()
    randomise(model, SEED, layers=2)
    provenance = {"weights": f"random, seed {SEED}", "exporter": "tests/golden/make_tiny_vit.py"}
    source = clip.Source(model, CONFIG, PreprocessCfg(size=32), provenance)
    parts = clip.parts_of(source, "random-vit", "f16", "Apache-2.0 (random weights, never trained)")
    parts.templates = ["a photo of a {}.", "a picture of the {}."]
    return model, parts


def main(out: Path = PACKAGE) -> None:
    write_package(out, random_clip()[1], force=True)


if __name__ == "__main__":
    main()
