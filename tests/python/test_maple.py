"""Importing MaPLe, IVLP and VPT: literal words, projections, frozen towers, and what is refused."""

import pytest
import torch
from adapter_support import CHECKPOINTS, CLASSES, about, draw, state_of
from glint_export import ExportError
from glint_export.adapters import maple


def deep(count, gap=None):
    state = {"prompt_learner.ctx": draw(2, 16), "prompt_learner.proj.bias": draw(24)}
    state["prompt_learner.proj.weight"] = draw(24, 16)
    for i in [i for i in range(count + (gap is not None)) if i != gap]:
        state[f"prompt_learner.compound_prompts_text.{i}"] = draw(2, 16)
        state[f"prompt_learner.compound_prompt_projections.{i}.weight"] = draw(24, 16)
        state[f"prompt_learner.compound_prompt_projections.{i}.bias"] = draw(24)
    return state


@pytest.mark.parametrize(
    ("initial", "count", "words"),
    [
        ("on the of a", 2, "of a"),
        ("on_the_of_a", 4, ""),
        ("on the of a", 5, ""),
        ("", 2, ""),
    ],
)
def test_literal_words_follow_the_vectors(prompts, initial, count, words):
    assert maple.literal_words(prompts, initial, count) == words


@pytest.mark.parametrize(("initial", "count"), [("on", 2), ("photo", 1)])
def test_vectors_that_end_inside_a_word_are_refused(prompts, initial, count):
    with pytest.raises(ExportError, match=f"whose first {count} ids end with a word"):
        maple.literal_words(prompts, initial, count)


def test_projections_are_evaluated(prompts):
    state = state_of("maple")
    parts = maple.read(prompts, about(), CHECKPOINTS / "maple", "on the of a")
    tensors = parts.tensors[maple.TENSORS]
    assert tensors["text_prompts"].shape == (2, 2, 16)
    assert tensors["image_prompts"].shape == (2, 2, 24)
    layer = torch.nn.functional.linear(
        state["prompt_learner.ctx"].float(),
        state["prompt_learner.proj.weight"].float(),
        state["prompt_learner.proj.bias"].float(),
    )
    torch.testing.assert_close(tensors["image_prompts"][0].float(), layer, rtol=0, atol=1e-6)
    (head,) = parts.tasks["classify"]["heads"]
    assert head["parameters"] == {"template": "of a {}."}


def test_other_words_than_those_of_training_are_refused(prompts):
    path = CHECKPOINTS / "maple"
    with pytest.raises(ExportError, match="expected the words 'a of' behind 2 learned vectors"):
        maple.read(prompts, about(), path, "on the a of")
    # Without words nothing but the class list tells.
    with pytest.raises(ExportError, match="expected 'cat.' as text 0 behind the learned vectors"):
        maple.read(prompts, about(CLASSES), path, "")


def test_towers_that_are_not_the_bases_are_refused(prompts, save):
    state = state_of("ivlp")
    state["image_encoder.ln_post.bias"][3] += 0.25
    state["text_encoder.ln_final.weight"] = state["text_encoder.ln_final.weight"][:8]
    state["image_encoder.more"] = torch.zeros(1)
    state["logit_scale"] = torch.tensor(2.0)
    with pytest.raises(ExportError, match="trained with the base") as error:
        maple.read(prompts, about(), save(state), "on the of a")
    for problem in (
        "image_encoder.ln_post.bias differs by up to 0.25",
        "text_encoder.ln_final.weight is [8], the base's [16]",
        "image_encoder.more is unexpected",
        "logit_scale differs by up to 2.61",
    ):
        assert problem in str(error.value)


def test_prompts_alone_are_enough(prompts, save, capsys):
    parts = maple.read(prompts, about(), save(deep(1)), "")
    assert parts.tasks["classify"]["heads"][0]["parameters"] == {"template": "{}."}
    assert "note: model.pth.tar-3 holds no towers" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (deep(3), "at most the 3 layers of the base's text tower, got 4"),
        (deep(2, gap=0), "compound_prompts_text.0 is missing"),
        (deep(1) | {"prompt_learner.proj.bias": draw(9)}, r"proj.bias is \[9\], expected \[24\]"),
        (deep(1) | {"prompt_learner.ctx": draw(2, 9)}, r"ctx is \[2, 9\], expected \[N, 16\]"),
        (
            deep(1) | {"prompt_learner.compound_prompts_text.0": draw(3, 16)},
            r"text.0 is \[3, 16\], expected \[2, 16\]",
        ),
        ({"image_encoder.VPT": draw(2, 9)}, r"VPT is \[2, 9\], expected \[vectors of image, 24\]"),
        ({"image_encoder.transformer.resblocks.1.VPT_shallow": draw(2, 24)}, "VPT is missing"),
        ({"logit_scale": torch.tensor(100.0).log()}, "expected prompts of MaPLe, IVLP or VPT"),
    ],
)
def test_prompts_that_do_not_fit_are_refused(prompts, save, state, message):
    with pytest.raises(ExportError, match=message):
        maple.read(prompts, about(), save(state), "")


@pytest.mark.parametrize(
    ("template", "tensors", "message"),
    [
        ("no slot", (draw(1, 2, 16),), 'a template with one "{}"'),
        ("{}.", (), "expected text prompts, image prompts or both, got none"),
        ("{}.", (draw(4, 2, 16),), "at most the 3 layers of the base's text tower, got 4"),
        ("{}.", (None, draw(4, 2, 24)), "at most the 3 layers of the base's image tower, got 4"),
        ("{}.", (draw(1, 75, 16),), "expected 1 to 74 vectors in the text's prompts"),
        ("{}.", (None, draw(1, 2, 16)), r"image_prompts is \[1, 2, 16\], expected"),
    ],
)
def test_prompts_in_hand_that_do_not_fit_are_refused(prompts, template, tensors, message):
    with pytest.raises(ExportError, match=message):
        maple.parts_of(prompts, about(), template, *tensors)
