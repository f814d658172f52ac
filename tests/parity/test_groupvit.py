"""GroupViT's towers, stage by stage, against the released code and transformers' GroupViTModel.

The released code's answers are golden/groupvit.json (golden/make_groupvit.py); GroupViTModel runs
here.  Sizes and batches differ from the trained ones, and every weight and statistic is random.
"""

import io

import groupvit_support as support
import numpy as np
import pytest
import torch
from glint_export import groupvit, groupvit_checkpoint, hf_groupvit, pictures
from glint_export.groupvit_reference import Model, steady_of
from glint_export.script import load_scripted, save_scripted
from glint_export.verify import EMBEDDING_BOUND, relative_difference
from hf_support import published_merges
from PIL import Image
from torch.nn import functional as F


@pytest.fixture(scope="module")
def answers():
    return support.answers()


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    file = support.checkpoint(tmp_path_factory.mktemp("groupvit"))
    return groupvit_checkpoint.load_source(file, support.HEADS, support.merges())


def model_of(source):
    towers = {"image": source.image, "text": source.text}
    return Model(towers, source.image_config, source.text_config)


def scripted(tower, tmp_path):
    save_scripted(tower, "f32", tmp_path / "tower.pt")
    return load_scripted(tmp_path / "tower.pt")


def digits(x):
    return ["".join(str(i % 10) for i in row) for row in x.tolist()]


def close(got, expected):
    return relative_difference(got, torch.as_tensor(expected)) <= EMBEDDING_BOUND


@torch.no_grad()
@torch.jit.optimized_execution(False)
def test_the_image_towers_stages_are_the_released_codes(tmp_path, released, answers):
    image, model = scripted(released.image, tmp_path), model_of(released)
    assert [stage["size"][0] for stage in answers["stages"]] == [2, 3]
    for stage in answers["stages"]:
        pixels = pictures.steady_noise(steady_of(model.groups), *stage["size"])
        embedding, tokens, first, second = image.groups(pixels)
        assert close(embedding, stage["embedding"]) and close(tokens, stage["tokens"])
        assert digits(first.argmax(1)) == stage["assignment_0_argmax"]
        assert close(first.mean(2), stage["assignment_0_mean"])
        assert close(second, stage["assignment_1"])
        assert torch.equal(image(pixels), embedding)
        alone = torch.cat([image(x[None]) for x in pixels])
        assert close(alone, embedding)


@torch.no_grad()
@torch.jit.optimized_execution(False)
def test_the_text_tower_is_the_released_codes(tmp_path, released, answers):
    text = scripted(released.text, tmp_path)
    rows = [released.tokenizer(t)[0] for t in answers["texts"]["texts"]]
    for ids, expected in zip(rows, answers["texts"]["embeddings"], strict=True):
        end = int((ids == released.tokenizer.eot_token_id).nonzero()[0])
        for length in (end + 1, len(ids)):
            assert close(text(ids[None, :length]), [expected])
        prefix = text.encode_prefix(text.embed(ids[None, :1]))
        suffix = text.embed(ids[None, 1 : end + 1])
        parts = (suffix, torch.tensor([end - 1]), *(x[0] for x in prefix))
        assert close(text.forward_suffix(*parts), [expected])


@torch.no_grad()
def test_classes_are_the_released_codes(released, answers):
    expected = answers["classes"]
    prompts = [[t.format(name) for t in groupvit.TEMPLATES] for name in expected["labels"]]
    bank = torch.stack([released.text(released.tokenizer(texts)).mean(0) for texts in prompts])
    bank = F.normalize(bank, dim=1)
    assert close(bank, expected["bank"])
    pixels = groupvit.transform(released.preprocess)
    files = [support.GOLDEN / "groupvit" / name for name in expected["pictures"]]
    batch = torch.stack([pixels(Image.open(io.BytesIO(file.read_bytes()))) for file in files])
    got = F.normalize(released.image(batch), dim=1) @ bank.T
    assert float((got - torch.tensor(expected["cosines"])).abs().max()) <= 1e-5


@torch.no_grad()
def against_transformers(image, model, steady, sizes):
    """GroupViTModel as it is, but for the interpolated positions, which its forward leaves out."""
    worst = 0.0
    for size in sizes:
        pixels = pictures.steady_noise(steady, *size)
        x = model.vision_model.embeddings(pixels, interpolate_pos_encoding=True)
        vision = model.vision_model.encoder(x, output_attentions=True, return_dict=True)
        groups = model.vision_model.layernorm(vision.last_hidden_state)
        expected = (
            model.visual_projection(groups.mean(1)),
            model.visual_projection(groups.flatten(0, 1)).unflatten(0, groups.shape[:2]),
            *vision.attentions,
        )
        for got, value in zip(image.groups(pixels), expected, strict=True):
            worst = max(worst, relative_difference(got, value))
    assert worst <= EMBEDDING_BOUND
    return worst


@torch.no_grad()
@torch.jit.optimized_execution(False)
def test_the_towers_are_groupvitmodels(tmp_path):
    model = support.save(tmp_path, published_merges()[:300])
    source = hf_groupvit.load_source(tmp_path)
    image, steady = scripted(source.image, tmp_path), steady_of(model_of(source).groups)
    against_transformers(image, model, steady, [(1, 32, 32), (3, 64, 40), (5, 51, 77), (2, 8, 8)])
    pixels = pictures.steady_noise(steady, 2, 32, 32)
    ids = source.tokenizer(["a cat", "two dogs and a horse"])
    out = model(input_ids=ids, pixel_values=pixels, output_segmentation=True)
    got = F.normalize(image(pixels), dim=1), F.normalize(source.text(ids), dim=1)
    assert close(got[0], out.image_embeds) and close(got[1], out.text_embeds)
    logits = source.logit_scale * got[0] @ got[1].T
    torch.testing.assert_close(logits, out.logits_per_image, rtol=0, atol=1e-4)


@torch.no_grad()
@torch.jit.optimized_execution(False)
def test_the_released_shape(tmp_path):
    source = groupvit_checkpoint.random_source(11)
    model = model_of(source)
    image, text = scripted(source.image, tmp_path), scripted(source.text, tmp_path)
    sizes = [(1, 224, 224), (2, 448, 448), (3, 100, 333)]
    worst = against_transformers(image, model.hf, steady_of(model.groups), sizes)
    ids = source.tokenizer(["a photo of a cat.", "a dog", "salt and pepper " * 40])
    words = relative_difference(text(ids), model.text(ids))
    assert words <= EMBEDDING_BOUND
    print(f"GroupViT: image {worst:.1e}, text {words:.1e}")


def test_the_segmentations_pixels_are_mmcvs_numbers():
    """imnormalize: the mean in f32, times the deviation's inverse in f64, to the nearest f32."""
    spec = groupvit.segment_preprocess(448)
    values = np.arange(256, dtype=np.float32)
    numbers = ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])
    for mean, std, m, s in zip(spec["mean"], spec["std"], *numbers, strict=True):
        theirs = (values - np.float32(m)).astype(np.float64) * (1 / np.float64(np.float32(s)))
        ours = (values - np.float32(mean) * np.float32(255)) / (np.float32(std) * np.float32(255))
        assert np.array_equal(ours, theirs.astype(np.float32))


def test_stored_positions_are_taken_as_they_are(released):
    grid = released.image.grid
    assert torch.equal(released.image.positions(grid, grid), released.image.positional_embedding)
