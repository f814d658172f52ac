"""Prompts in scripted towers of ViT-B/16's shape against open_clip's layers, batches 1, 3 and 8."""

import pytest
import torch
from glint_export import clip
from glint_export.script import load_scripted, save_scripted
from glint_export.verify import EMBEDDING_BOUND, relative_difference
from torch.nn import functional as F

BATCHES = (1, 3, 8)
COUNT, DEPTH = 2, 9  # of MaPLe's released configuration
LENGTH, PREFIX = 12, 5


@pytest.fixture(scope="module")
def towers(tmp_path_factory):
    """open_clip's model and our scripted image and text towers with its weights."""
    folder = tmp_path_factory.mktemp("towers")
    source = clip.load_source("ViT-B-16", None, 11)
    parts = clip.parts_of(source, "parity", "f32", "x")
    scripted = []
    for name, tower in (("image", parts.image), ("text", parts.text)):
        save_scripted(tower, "f32", folder / f"{name}.pt")
        scripted.append(load_scripted(folder / f"{name}.pt"))
    return source.model.eval(), *scripted


def draw(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def encode_image(model, pixels, prompts):
    visual = model.visual
    x = visual.conv1(pixels).flatten(2).transpose(1, 2)
    x = torch.cat([visual.class_embedding.expand(len(x), 1, -1), x], dim=1)
    x = x + visual.positional_embedding
    x = visual.ln_pre(torch.cat([x, prompts[0].expand(len(x), -1, -1)], dim=1))
    for i, block in enumerate(visual.transformer.resblocks):
        if 0 < i < len(prompts):
            x = torch.cat([x[:, :-COUNT], prompts[i].expand(len(x), -1, -1)], dim=1)
        x = block(x)
    return visual.ln_post(x[:, 0]) @ visual.proj


def encode_text(model, embeddings, eot, prompts=()):
    """Padded to the context, as the released code does it."""
    x = F.pad(embeddings, (0, 0, 0, model.context_length - embeddings.shape[1]))
    if len(prompts):
        x[:, 1 : 1 + COUNT] = prompts[0]
    x = x + model.positional_embedding
    for i, block in enumerate(model.transformer.resblocks):
        if 0 < i < len(prompts):
            x[:, 1 : 1 + COUNT] = prompts[i]
        x = block(x, attn_mask=model.attn_mask)
    return model.ln_final(x)[torch.arange(len(x)), eot] @ model.text_projection


def check(what, pairs):
    worst = max(relative_difference(ours, theirs) for ours, theirs in pairs)
    print(f"ViT-B-16 {what}: {worst:.1e}")
    assert worst <= EMBEDDING_BOUND


@torch.no_grad()
@torch.jit.optimized_execution(False)
def test_prompts_beside_the_patches(towers):
    model, image, _ = towers
    prompts = draw(1, DEPTH, COUNT, 768)
    pixels = draw(2, sum(BATCHES), 3, 224, 224).split(BATCHES)
    check(
        "image with prompts",
        [(image.forward_prompted(x, prompts), encode_image(model, x, prompts)) for x in pixels],
    )


@torch.no_grad()
@torch.jit.optimized_execution(False)
@pytest.mark.parametrize("depth", [DEPTH, 12])
def test_prompts_behind_the_start(towers, depth):
    model, _, text = towers
    prompts = draw(3, depth, COUNT, 512)
    pairs = []
    for batch in BATCHES:
        embeddings, eot = draw(4, batch, LENGTH, 512), torch.arange(batch) % 4 + LENGTH - 4
        pairs.append(
            (
                text.forward_prompted(embeddings, eot, prompts),
                encode_text(model, embeddings, eot, prompts),
            )
        )
    check(f"text with prompts in {depth} layers", pairs)


@torch.no_grad()
@torch.jit.optimized_execution(False)
def test_a_prefix_encoded_once(towers):
    model, _, text = towers
    keys, values = text.encode_prefix(draw(5, 2, PREFIX, 512))
    pairs = []
    for batch in BATCHES:
        rest, eot = draw(6, batch, LENGTH, 512), torch.arange(batch) % 4 + LENGTH - 4
        for i, first in enumerate(draw(5, 2, PREFIX, 512)):
            whole = torch.cat([first.expand(batch, -1, -1), rest], dim=1)
            ours = text.forward_suffix(rest, eot, keys[i], values[i])
            pairs.append((ours, encode_text(model, whole, eot + PREFIX)))
    check("text behind a prefix", pairs)
