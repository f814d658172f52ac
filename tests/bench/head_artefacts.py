"""Makes what the engines of heads load, once: python head_artefacts.py FOLDER

Random weights of the true shapes, and what was learned for ImageNet's 1,000 names:
  base-16.glint, base-32.glint   ViT-B/16 and ViT-B/32
  cocoop.glint, maple.glint      extend base-16: M = 4; N = 2 in 9 layers of both towers
  tip.glint                      extends base-32: 16 keys a class
  lseg.glint                     LSeg with ViT-L/16
  16.pth, 32.pth, lseg.pth       the towers as Python modules, by name
  maple-tower.*, lseg-tower.*    their image towers, .pth and .onnx, for one input of its size
  maple-prompts.npy              what the first of them has learned
  learned.pth                    what the three extensions hold
"""

import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "models" / "export"))

import inputs  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from glint_export import (  # noqa: E402
    clip,
    lseg,
    lseg_checkpoint,
    write_extension,
    write_package,
)
from glint_export.parts import (  # noqa: E402
    Block,
    Call,
    ExtensionParts,
    PackageParts,
    method,
    port,
)
from head_towers import LSEG, MAPLE, Prompted  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

SEED = 0
DIM, TEXT_WIDTH, IMAGE_WIDTH = 512, 512, 768
SHOTS = 16
ALPHA, BETA = 1.17, 5.5
LICENCE = "Apache-2.0 (random weights, never trained)"


def _write(folder: Path, package: str, modules: str, parts: PackageParts) -> dict[str, nn.Module]:
    write_package(folder / f"{package}.glint", parts, False)
    towers = {"image": parts.image, "text": parts.text}
    towers = {name: one.float().eval().requires_grad_(False) for name, one in towers.items()}
    torch.save(towers, folder / f"{modules}.pth")
    return towers


def _base(folder: Path, patch: int) -> dict[str, nn.Module]:
    source = clip.load_source(f"ViT-B-{patch}", None, SEED)
    parts = clip.parts_of(source, f"base-{patch}", "f32", LICENCE)
    return _write(folder, f"base-{patch}", str(patch), parts)


def _tower(folder: Path, name: str, tower: nn.Module, size: int) -> None:
    """For engines that take one module with one input; shapes are fixed, as is best for them."""
    tower = tower.eval().requires_grad_(False)
    torch.save(tower, folder / f"{name}.pth")
    torch.onnx.export(
        tower,
        (torch.zeros(1, 3, size, size),),
        folder / f"{name}.onnx",
        dynamo=True,
        input_names=["input"],
        external_data=False,
        verbose=False,
    )


def _lseg(folder: Path) -> None:
    source = lseg_checkpoint.random_source(SEED, "clip_vitl16_384", lseg.Blocks())
    towers = _write(folder, "lseg", "lseg", lseg.parts_of(source, "lseg", "f32", LICENCE))
    _tower(folder, LSEG, towers["image"], 480)


def _learned() -> dict:
    generator = torch.Generator().manual_seed(SEED)
    draw = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731
    meta_net = nn.Sequential(
        nn.Linear(DIM, DIM // 16), nn.ReLU(inplace=True), nn.Linear(DIM // 16, TEXT_WIDTH)
    )
    names = len(inputs.class_names())
    return {
        "context": 0.02 * draw(4, TEXT_WIDTH),
        "meta_net": meta_net.eval().requires_grad_(False),
        "text_prompts": 0.02 * draw(9, 2, TEXT_WIDTH),
        "image_prompts": 0.02 * draw(9, 2, IMAGE_WIDTH),
        "keys": F.normalize(draw(SHOTS * names, DIM), dim=1),
        "classes": torch.arange(names).repeat_interleave(SHOTS),
    }


def _extend(
    folder: Path, name: str, patch: int, heads: list[dict], tensors: dict, call: Call, **more
) -> None:
    path = f"tensors/{name}.safetensors"
    heads[-1] |= {"tensors": path}
    parts = ExtensionParts(
        name=name,
        base=folder / f"base-{patch}.glint",
        tasks={"classify": {"preprocess": "default", "heads": heads}},
        calls=[call],
        licence=LICENCE,
        provenance={"weights": f"random, seed {SEED}"},
        tensors={path: tensors},
        classes=inputs.class_names(),
        logit=(100.0, 0.0),
        **more,
    )
    write_extension(folder / f"{name}.glint", parts, False)


@torch.no_grad()
def _fill(folder: Path) -> None:
    _lseg(folder)
    towers = {patch: _base(folder, patch) for patch in (16, 32)}
    learned = _learned()
    torch.save(learned, folder / "learned.pth")
    meta_net = learned["meta_net"]
    ports = method([port("embedding", "f32", "B", DIM)], port("shift", "f32", "B", TEXT_WIDTH))
    embedding = torch.ones(1, DIM)
    _extend(
        folder, "cocoop", 16, [{"type": "cocoop"}], {"context": learned["context"]},
        Call("meta_net", "forward", {"embedding": embedding}, {"shift": meta_net(embedding)}),
        blocks={"meta_net": Block(meta_net, {"forward": ports})},
    )  # fmt: skip
    pixels = torch.zeros(1, 3, 224, 224)
    prompts = learned["image_prompts"]
    prompted = towers[16]["image"].forward_prompted(pixels, prompts)
    np.save(folder / "maple-prompts.npy", prompts.numpy())
    _tower(folder, MAPLE, Prompted(towers[16]["image"], prompts), 224)
    _extend(
        folder, "maple", 16, [{"type": "maple", "parameters": {"template": "of a {}."}}],
        {name: learned[name] for name in ("text_prompts", "image_prompts")},
        Call("image", "forward_prompted", {"pixels": pixels, "prompts": prompts},
             {"embedding": prompted}),
    )  # fmt: skip
    tip = {"type": "tip_adapter", "parameters": {"alpha": ALPHA, "beta": BETA}}
    _extend(
        folder, "tip", 32, [{"type": "zero_shot", "templates": "templates.json"}, tip],
        {name: learned[name] for name in ("keys", "classes")},
        Call("image", "forward", {"pixels": pixels}, {"embedding": towers[32]["image"](pixels)}),
        templates=["a photo of a {}."],
    )  # fmt: skip


def make(folder: Path) -> None:
    """The folder is there whole or not at all."""
    scratch = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        _fill(scratch)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
