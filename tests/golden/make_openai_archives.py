"""Writes openai/: two checkpoints in the form of OpenAI's, and what their model computes of them.

    git clone https://github.com/openai/CLIP && git -C CLIP checkout d05afc4
    python tests/golden/make_openai_archives.py CLIP/clip/model.py

OpenAI publishes TorchScript archives: its own CLIP class (clip/model.py), weights in half precision
by its build_model(), with three integer buffers, traced and saved by torch.  This script does the
same at the smallest sizes: a ViT and a ResNet with one block a stage.  The weights are small
integers times a power of two, so that xz packs them; token embeddings repeat, because the
vocabulary has to be the true one.  torch's debug records, which hold file paths, are left out.

`NAME.pt.xz` is the archive, `expected.safetensors` holds what the class computes in f32 from the
archive's weights for pixels() and ids(): NAME.image, NAME.text (not normalised), NAME.logits.
"""

import importlib.util
import lzma
import sys
import tempfile
import warnings
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "models" / "export"))

from glint_export.script import copy_records  # noqa: E402

OUT = HERE / "openai"
# embed_dim, image_resolution, vision_layers, vision_width, vision_patch_size, then the text tower:
# context_length, vocab_size, transformer_width, transformer_heads, transformer_layers.
SIZES = {
    "vit": (16, 32, 2, 64, 16, 77, 49408, 64, 1, 2),
    "rn": (16, 64, (1, 1, 1, 1), 4, None, 77, 49408, 64, 1, 1),
}


def pixels(name: str, batch: int = 3) -> Tensor:
    """[batch, 3, S, S] f32 in [-2, 2]: coarse squares and fine noise, by integer arithmetic."""
    side = SIZES[name][1]
    x = torch.arange(batch * 3 * side * side).reshape(batch, 3, side, side)
    squares = x[..., : side // 8, : side // 8] * 7919 % 251
    coarse = squares.repeat_interleave(8, dim=2).repeat_interleave(8, dim=3)
    return (coarse * 3 + x * 6101 % 251 - 500) / 250.0


def ids(batch: int = 3) -> Tensor:
    """[batch, 77] i64: start, 2 * row + 1 words, end, zeros."""
    out = torch.zeros(batch, 77, dtype=torch.int64)
    for row in range(batch):
        words = [(row * 31 + i * 1021) % 49000 for i in range(2 * row + 1)]
        out[row, : len(words) + 2] = torch.tensor([49406, *words, 49407])
    return out


def coarse_weights(model: torch.nn.Module, seed: int) -> dict[str, Tensor]:
    """A state dict for `model` whose values are few and exact in half precision."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, value in model.state_dict().items():
        noise = torch.randint(-4, 5, value.shape, generator=generator).float() / 4
        if name == "logit_scale":
            value = torch.tensor(3.5)
        elif name == "token_embedding.weight":
            rows, columns = torch.arange(value.shape[0])[:, None], torch.arange(value.shape[1])
            value = ((rows * 5 + columns * 3) % 17 - 8) / 8.0
        elif name.endswith("running_var"):
            value = 1 + noise.abs()
        elif value.ndim == 1 and name.endswith("weight"):  # of a norm
            value = 1 + noise / 4
        elif value.ndim > 1 and not name.endswith("positional_embedding"):
            fan_in = value.shape[0] if name.endswith("proj") else value[0].numel()
            gain = 2 if value.ndim == 4 else 1  # what ReLU and average pools take from a ResNet
            value = noise * gain * 2.0 ** -round(torch.tensor(fan_in).log2().item() / 2 - 0.5)
        elif value.is_floating_point():
            value = noise / 4
        state[name] = value
    return state


def traced(model: torch.nn.Module, name: str) -> torch.jit.ScriptModule:
    """The model as in OpenAI's archives: buffers for the settings, three methods."""
    side, context, vocabulary = SIZES[name][1], SIZES[name][5], SIZES[name][6]
    settings = {"input_resolution": side, "context_length": context, "vocab_size": vocabulary}
    for key, value in settings.items():
        if hasattr(model, key):
            delattr(model, key)
        model.register_buffer(key, torch.tensor(value))
    model.requires_grad_(False)
    model(pixels(name), ids())  # its attention mask becomes half at the first call
    return torch.jit.trace_module(
        model,
        {
            "forward": (pixels(name), ids()),
            "encode_image": pixels(name),
            "encode_text": ids(),
        },
    )


def load_official(path: Path):
    spec = importlib.util.spec_from_file_location("clip_model", path)
    official = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(official)
    return official


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    official = load_official(Path(sys.argv[1]))
    OUT.mkdir(exist_ok=True)
    expected = {}
    for seed, (name, sizes) in enumerate(SIZES.items()):
        model = official.build_model(coarse_weights(official.CLIP(*sizes), seed))
        with tempfile.TemporaryDirectory() as scratch:
            torch.jit.save(traced(model, name), Path(scratch) / "raw.pt")
            copy_records(Path(scratch) / "raw.pt", Path(scratch) / "packed.pt")
            data = (Path(scratch) / "packed.pt").read_bytes()
        (OUT / f"{name}.pt.xz").write_bytes(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))
        for key in ("input_resolution", "context_length", "vocab_size"):
            delattr(model, key)
        model = model.float()
        for block in model.transformer.resblocks:  # the cached mask is half
            block.attn_mask = block.attn_mask.float()
        with torch.no_grad():
            expected[f"{name}.image"] = model.encode_image(pixels(name))
            expected[f"{name}.text"] = model.encode_text(ids())
            expected[f"{name}.logits"] = model(pixels(name), ids())[0].contiguous()
    save_file(expected, OUT / "expected.safetensors")


if __name__ == "__main__":
    main()
