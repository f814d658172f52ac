"""Writes lseg/ (checkpoints and pictures), packages/lseg*.glint and lseg.json: what the released
code of LSeg saves, computes and answers.

    python tests/golden/make_lseg.py LANG_SEG

LANG_SEG is a checkout of isl-org/lang-seg (bb00b21); pytorch-lightning is installed beside the
exporter's packages (official_lseg.py says what is stood in for).  Small networks with random
weights, all of them f16 numbers, are saved by Trainer.save_checkpoint as `net` of a module.  Of
them:

  nets      what each stage makes of noise at two sizes and batches; a sample of the numbers
  texts     clip_pretrained.encode_text
  blocks    head_block of both options, applied as LSeg.forward does
  released  the same of the released shapes, whose weights are random_source's
  cases     for each package and picture: a single pass, and LSeg_MultiEvalModule with all its
            scales, windows and mirrored views; the label map, where "." is a pixel whose two best
            logits differ by less than 1e-3
  windows   the windows that LSeg_MultiEvalModule cuts, for sizes that take all of its branches

Pictures are normalised as val_transform does, and resized as resize_image does.
"""

import io
import json
import lzma
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "models" / "export")]

import numpy as np  # noqa: E402
import torch  # noqa: E402
from glint_export import lseg, lseg_checkpoint, pictures, write_package  # noqa: E402
from glint_export.lseg_names import TEXT, is_unused, official_name, official_shape  # noqa: E402
from official import vocabulary  # noqa: E402
from official_lseg import DIM, Official, randomise  # noqa: E402
from open_clip.tokenizer import SimpleTokenizer  # noqa: E402
from PIL import Image  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torchvision import transforms  # noqa: E402

FOLDER, PACKAGES, ANSWERS = HERE / "lseg", HERE / "packages", HERE / "lseg.json"
LABELS = ["other", "cat", "dog", "white horse", "ship", "tree", "car", "old house"]
BASE, CROP = 70, 64
STEADY = 1e-3  # of two logits, far beyond what an order of summation makes
SAMPLE = 150  # numbers of a stage
NETS = {  # backbone, option, depth, activation
    "vit16": ("clip_vitl16_384", 1, 2, "lrelu"),
    "vit32": ("clip_vitb32_384", 0, 0, "lrelu"),
    "resnet": ("clip_resnet101", 0, 0, "lrelu"),
}
# Of the weights of vit16, whose block is left out for option 0.
CASES = {"lseg": (0, 0, "lrelu"), "lseg-option1": (1, 2, "lrelu"), "lseg-option2": (2, 3, "tanh")}
PICTURES = {"wide.png": (75, 50), "tall.png": (40, 90)}
WINDOWS = [  # base, crop, height, width
    (520, 480, 512, 683), (520, 480, 683, 512), (BASE, CROP, 50, 75), (BASE, CROP, 90, 40),
]  # fmt: skip
RELEASED = [(2, 96, 64), (1, 224, 480)]
SIZES = [(2, 64, 96), (3, 96, 32)]


def rounded(x: Tensor):
    """Nine digits tell every f32."""
    return [rounded(row) for row in x] if x.ndim else float(f"{float(x):.9g}")


def sampled(x: Tensor) -> dict:
    step = max(1, x.numel() // SAMPLE)
    return {"shape": list(x.shape), "step": step, "values": rounded(x.flatten()[::step])}


def draw(width: int, height: int, seed: int) -> bytes:
    """Tiles of random colours."""
    tiles = np.random.default_rng(seed).integers(0, 256, (-(-height // 10), -(-width // 10), 3))
    image = Image.fromarray(np.repeat(np.repeat(tiles, 10, 0), 10, 1)[:height, :width].astype("u1"))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def pixels_of(data: bytes) -> Tensor:
    """LSegModule's val_transform, [1, 3, H, W]."""
    half = [0.5, 0.5, 0.5]
    steps = transforms.Compose([transforms.ToTensor(), transforms.Normalize(half, half)])
    return steps(Image.open(io.BytesIO(data)).convert("RGB"))[None]


class Evaluated(nn.Module):
    """What LSeg_MultiEvalModule asks of LSegModule; remembers the logits at half resolution."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net
        self.base_size, self.crop_size = BASE, CROP
        self.mean = self.std = [0.5, 0.5, 0.5]
        self._up_kwargs = {"mode": "bilinear", "align_corners": True}
        self.half = Tensor()
        net.scratch.output_conv.register_forward_pre_hook(
            lambda _, inputs: setattr(self, "half", inputs[0])
        )

    def evaluate_random(self, x: Tensor, labels: list[str]) -> Tensor:
        return self.net.forward(x, labels)


def save_checkpoint(net: nn.Module, name: str) -> None:
    """As Trainer saves LSegModule before the first step; CLIP's numbers are f16 on a GPU."""
    import pytorch_lightning as pl

    class Module(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = net

        def configure_optimizers(self):
            return torch.optim.SGD(self.net.parameters(), lr=0.1)

    state = {
        f"net.{n}": x.to(torch.float16) if n.startswith("clip_pretrained.") else x
        for n, x in net.state_dict().items()
    }
    with tempfile.TemporaryDirectory() as folder:
        trainer = pl.Trainer(
            accelerator="cpu", logger=False, enable_progress_bar=False, default_root_dir=folder
        )
        module = Module()
        module.state_dict = lambda *_, **__: state
        trainer.strategy.connect(module)
        file = Path(folder) / "last.ckpt"
        trainer.save_checkpoint(file, weights_only=False)
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / f"{name}.ckpt.xz").write_bytes(lzma.compress(file.read_bytes(), preset=9))


def save_package(name: str, merges: bytes) -> None:
    option, depth, activation = CASES[name]
    content = lzma.decompress((FOLDER / "vit16.ckpt.xz").read_bytes())
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vit16.ckpt"
        file.write_bytes(content)
        if option == 0:
            state = lseg_checkpoint.read_model(file)
            torch.save({n: x for n, x in state.items() if "head_block" not in n}, file)
        blocks = lseg.Blocks(option, depth, activation)
        source = lseg_checkpoint.load_source(file, 2, blocks, merges)
    protocol = lseg.Protocol(base_size=BASE, crop_size=CROP, single_size=CROP)
    parts = lseg.parts_of(replace(source, protocol=protocol), name, "f16", "Apache-2.0")
    parts.pictures = {"wide.png": draw(*PICTURES["wide.png"], 0)}
    write_package(PACKAGES / f"{name}.glint", parts, force=(PACKAGES / f"{name}.glint").exists())


def stages(net: nn.Module, resnet: bool) -> list[dict]:
    """Of pictures.noise: what comes out of each part."""
    made = []
    seen: dict[str, Tensor] = {}
    parts = {f"fusion{i}": getattr(net.scratch, f"refinenet{i}") for i in (1, 2, 3, 4)}
    parts |= {f"narrow{i}": getattr(net.scratch, f"layer{i}_rn") for i in (1, 2, 3, 4)}
    parts["head"] = net.scratch.head1
    hooks = [
        part.register_forward_hook(lambda _, inputs, out, name=name: seen.update({name: out}))
        for name, part in parts.items()
    ]
    hooks += [
        getattr(net.scratch, f"layer{i}_rn").register_forward_pre_hook(
            lambda _, inputs, name=f"map{i}": seen.update({name: inputs[0]})
        )
        for i in (1, 2, 3, 4)
    ]
    for size in SIZES:
        pixels = pictures.noise(*size)
        net.forward(pixels, [0] * size[0] if resnet else LABELS)
        if not resnet:
            seen |= {f"tap{i}": net.pretrained.activations[str(i)] for i in (1, 2, 3, 4)}
        head = seen["head"]
        seen["map"] = head / head.norm(dim=1, keepdim=True)
        made.append({"size": size, "stages": {n: sampled(x) for n, x in sorted(seen.items())}})
        seen.clear()
    for hook in hooks:
        hook.remove()
    return made


def answered(scores: Tensor) -> list[str]:
    best = scores[0].topk(2, dim=0)
    sure = best.values[0] - best.values[1] >= STEADY
    digits = zip(best.indices[0].tolist(), sure.tolist(), strict=True)
    return ["".join(str(i) if s else "." for i, s in zip(*row, strict=True)) for row in digits]


def at_points(planes: Tensor, step: tuple[int, int]) -> dict:
    rows, columns = (range(i, planes.shape[1 + i], step[i - 1]) for i in (1, 2))
    points = [[y, x] for y in rows for x in columns]
    values = torch.stack([planes[0, :, y, x] for y, x in points])
    return {"points": points, "values": rounded(values)}


def single(module: Evaluated, pixels: Tensor) -> dict:
    """The long side becomes CROP pixels, both sides the nearest multiples of 32."""
    height, width = pixels.shape[2:]
    scale = CROP / max(height, width)
    size = [max(1, int(side * scale / 32 + 0.5)) * 32 for side in (height, width)]
    whole = module.evaluate_random(F.interpolate(pixels, size, **module._up_kwargs), LABELS)
    half = module.half
    scores = F.interpolate(whole, (height, width), **module._up_kwargs)
    return {
        "resized": size,
        "half": at_points(half, (5, 4)),
        "doubled": at_points(whole, (9, 7)),
        "scores": at_points(scores, (11, 9)),
        "map": answered(scores),
    }


def official(code: Official, module: Evaluated, pixels: Tensor) -> dict:
    scores = code.models.LSeg_MultiEvalModule(module)(pixels, LABELS)
    return {"scores": at_points(scores, (11, 9)), "map": answered(scores)}


def windows(code: Official, base: int, crop: int, height: int, width: int) -> list[dict]:
    """Of each scale: the picture's size, the padded one's, and [top, left, bottom, right] of the
    windows before they are padded to crop x crop; no windows for a picture that is one."""

    class Counting(nn.Module):
        base_size, crop_size = base, crop
        mean = std = [0.5, 0.5, 0.5]
        _up_kwargs = {"mode": "nearest"}

        def evaluate_random(self, x, labels):
            return x[:, :1] * 0

    scales: list[dict] = []
    models = code.models
    resize, pad, cut = models.resize_image, models.pad_image, models.crop_image

    def resize_image(image, h, w, **options):
        if image.shape[1] == 3:
            scales.append({"size": [h, w], "padded": [h, w], "windows": []})
        return resize(image, h, w, **options)

    def pad_image(image, *rest):
        out = pad(image, *rest)
        if not scales[-1]["windows"]:
            scales[-1]["padded"] = list(out.shape[2:])
        return out

    def crop_image(image, h0, h1, w0, w1):
        if image.shape[1] == 3:
            scales[-1]["windows"].append([h0, w0, h1, w1])
        return cut(image, h0, h1, w0, w1)

    models.resize_image, models.pad_image, models.crop_image = resize_image, pad_image, crop_image
    try:
        models.LSeg_MultiEvalModule(Counting())(torch.zeros(1, 3, height, width), ["a"])
    finally:
        models.resize_image, models.pad_image, models.crop_image = resize, pad, cut
    return scales


def block_answers(code: Official) -> list[dict]:
    generator = torch.Generator().manual_seed(5)
    logits = torch.randn(1, 4, 5, 6, generator=generator) * 5
    made = []
    for option, kind in ((1, code.nets.bottleneck_block), (2, code.nets.depthwise_block)):
        for depth, activation in ((0, "relu"), (1, "tanh"), (2, "relu"), (3, "lrelu"), (2, "tanh")):
            block = kind(activation=activation)
            randomise(block, 10 * option + depth)
            out = logits
            for _ in range(depth - 1):
                out = block(out)
            made.append(
                {
                    "arch_option": option,
                    "block_depth": depth,
                    "activation": activation,
                    "weight": rounded(block.depthwise.depthwise.weight.flatten()),
                    "bias": rounded(block.depthwise.depthwise.bias[0]),
                    "logits": rounded(logits[0]),
                    "out": rounded(block(out, False)[0]),
                }
            )
    return made


def released(code: Official) -> dict:
    """The image sides of the released shapes, with the weights of lseg_checkpoint.random_source."""
    made, seed = {}, 11
    for arch in lseg_checkpoint.ARCHITECTURES:
        source = lseg_checkpoint.random_source(seed, arch, lseg.Blocks())
        net = code.released(arch)
        state = {
            official_name("image", name): tensor.reshape(official_shape(name, tensor))
            for name, tensor in source.image.state_dict().items()
        }
        missing, unexpected = net.load_state_dict(state, strict=False)
        assert not unexpected and all(is_unused(n) or n.startswith(TEXT) for n in missing)
        maps: list[Tensor] = []
        net.scratch.head1.register_forward_hook(lambda _, inputs, out, maps=maps: maps.append(out))
        for size in RELEASED:
            pixels = pictures.noise(*size)
            try:
                net.forward(pixels, [0] * size[0] if arch == "clip_resnet101" else ["a"])
            except RuntimeError:  # the texts of its small CLIP have fewer numbers
                pass
        maps = [x / x.norm(dim=1, keepdim=True) for x in maps]
        made[arch] = {
            "seed": seed,
            "maps": [{"size": s, "map": sampled(x)} for s, x in zip(RELEASED, maps, strict=True)],
        }
    return made


def case_net(code: Official, name: str, weights: dict[str, Tensor]) -> nn.Module:
    net = code.net(NETS["vit16"][0], LABELS, *CASES[name])
    keys = net.state_dict()
    net.load_state_dict({n: weights[n] for n in keys})
    return net


@torch.no_grad()
def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("expected the folder of lang-seg")
    torch.set_num_threads(1)  # one order of summation, so the same bytes again
    code, merges = Official(Path(sys.argv[1])), vocabulary()
    code.tokenizer = SimpleTokenizer(io.BytesIO(merges), context_length=77)
    files = {name: draw(*size, i) for i, (name, size) in enumerate(PICTURES.items())}
    FOLDER.mkdir(exist_ok=True)
    for name, data in files.items():
        (FOLDER / name).write_bytes(data)
    nets = {name: code.net(options[0], LABELS, *options[1:]) for name, options in NETS.items()}
    for i, (name, net) in enumerate(nets.items()):
        randomise(net, 40 + i)
        save_checkpoint(net, name)
    texts = nets["vit16"].clip_pretrained.encode_text(code.tokenizer(LABELS))
    made = {
        "labels": LABELS,
        "parameters": {"base_size": BASE, "crop_size": CROP},
        "texts": rounded(texts),
        "bank": rounded(texts / texts.norm(dim=-1, keepdim=True)),
        "nets": {name: stages(net, name == "resnet") for name, net in nets.items()},
        "blocks": block_answers(code),
        "windows": [
            {"base": b, "crop": c, "picture": [h, w], "scales": windows(code, b, c, h, w)}
            for b, c, h, w in WINDOWS
        ],
        "cases": {},
    }
    made["released"] = released(code)
    for name in CASES:
        save_package(name, merges)
        module = Evaluated(case_net(code, name, nets["vit16"].state_dict()))
        made["cases"][name] = {
            file: {
                "single": single(module, pixels_of(data)),
                "official": official(code, module, pixels_of(data)),
            }
            for file, data in files.items()
        }
        for file, case in made["cases"][name].items():
            for kind in ("single", "official"):
                rows = "".join(case[kind]["map"])
                counts = {c: rows.count(c) for c in sorted(set(rows))}
                print(name, file, kind, counts, file=sys.stderr)
    ANSWERS.write_text(json.dumps(made, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
