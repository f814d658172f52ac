"""The prompted ways through the canonical towers against the plain ones, and against layers written
out by hand with torch's own attention."""

import pytest
import torch
from glint_export.towers import TextConfig, TextTransformer, VisionTransformer, VitConfig
from glint_export.verify import relative_difference
from torch import Tensor, nn

LAYERS, HEADS, WIDTH, DIM, CONTEXT = 4, 2, 16, 8, 20
BOUND = 1e-5  # max abs difference / max abs value: another order of the same arithmetic
BATCHES = (1, 3, 8)


def randomise(tower: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(7)
    for weight in tower.parameters():
        mean = 1.0 if weight.ndim == 1 and weight.numel() == WIDTH else 0.0
        spread = 0.3 if weight.ndim < 2 else weight[0].numel() ** -0.5
        weight.data.normal_(mean, spread, generator=generator)
    return tower.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def text() -> torch.jit.ScriptModule:
    config = TextConfig(50, CONTEXT, WIDTH, LAYERS, HEADS, 32, DIM, quick_gelu=True, eot=49)
    return torch.jit.script(randomise(TextTransformer(config)))


@pytest.fixture(scope="module")
def image() -> torch.jit.ScriptModule:
    config = VitConfig(16, 8, WIDTH, LAYERS, HEADS, 32, DIM, quick_gelu=True)
    return torch.jit.script(randomise(VisionTransformer(config)))


def draw(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def assert_close(got: Tensor, expected: Tensor) -> None:
    assert got.shape == expected.shape
    assert relative_difference(got, expected) <= BOUND


@torch.no_grad()
def run_block(block: nn.Module, x: Tensor, causal: bool) -> Tensor:
    """One layer by torch.nn.MultiheadAttention and an explicit mask."""
    state = {k.removeprefix("attn."): v for k, v in block.state_dict().items() if "attn." in k}
    attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
    attention.load_state_dict(state)
    mask = torch.full((x.shape[1], x.shape[1]), float("-inf")).triu(1) if causal else None
    y = block.ln_1(x)
    x = x + attention(y, y, y, need_weights=False, attn_mask=mask)[0]
    return x + block.mlp(block.ln_2(x))


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize(("depth", "count"), [(1, 1), (2, 3), (LAYERS, 2)])
def test_text_prompts_stand_behind_the_start(text, batch, depth, count):
    embeddings, prompts = draw(1, batch, 9, WIDTH), draw(2, depth, count, WIDTH)
    eot = torch.arange(batch) % 3 + 6
    x = embeddings.clone()
    x[:, 1 : 1 + count] = prompts[0]
    x = x + text.positional_embedding[:9]
    for i, block in enumerate(text.transformer.resblocks):
        if 0 < i < depth:
            x[:, 1 : 1 + count] = prompts[i]
        x = run_block(block, x, causal=True)
    expected = text.ln_final(x)[torch.arange(batch), eot] @ text.text_projection
    assert_close(text.forward_prompted(embeddings, eot, prompts), expected)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("prefix", [1, 5])
@pytest.mark.parametrize("length", [1, 4])
def test_a_prefix_and_its_suffixes_are_the_whole_text(text, batch, prefix, length):
    first, rest = draw(3, 1, prefix, WIDTH), draw(4, batch, length, WIDTH)
    eot = torch.arange(batch) % length
    keys, values = text.encode_prefix(first)
    assert keys.shape == values.shape == (1, LAYERS, HEADS, prefix, WIDTH // HEADS)
    got = text.forward_suffix(rest, eot, keys[0], values[0])
    whole = torch.cat([first.expand(batch, -1, -1), rest], dim=1)
    assert_close(got, text.forward_embedded(whole, eot + prefix))


def test_prefixes_of_a_batch_do_not_mix(text):
    first = draw(5, 3, 4, WIDTH)
    together = text.encode_prefix(first)
    for i in range(3):
        for both, alone in zip(together, text.encode_prefix(first[i : i + 1]), strict=True):
            assert_close(both[i], alone[0])


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize(("depth", "count"), [(1, 1), (2, 3), (LAYERS, 2)])
def test_image_prompts_follow_the_patches(image, batch, depth, count):
    pixels, prompts = draw(6, batch, 3, 16, 16), draw(7, depth, count, WIDTH)
    plain = image.tokens(pixels)
    x = image.ln_pre(torch.cat([plain, prompts[0].expand(batch, -1, -1)], dim=1))
    for i, block in enumerate(image.transformer.resblocks):
        if 0 < i < depth:
            x = torch.cat([x[:, :-count], prompts[i].expand(batch, -1, -1)], dim=1)
        x = run_block(block, x, causal=False)
    expected = image.ln_post(x[:, 0]) @ image.proj
    assert_close(image.forward_prompted(pixels, prompts), expected)


def test_image_prompts_change_the_answer(image):
    pixels = draw(8, 1, 3, 16, 16)
    assert not torch.allclose(image(pixels), image.forward_prompted(pixels, draw(9, 1, 2, WIDTH)))
