"""MaPLe (Khattak et al. 2023, arXiv:2210.03117), and independent (IVLP) and visual (VPT) prompting:
learned tokens in the layers of both towers, or of one.

Released: muzairkhattak/multimodal-prompt-learning, trainers/maple.py, independentVL.py, vpt.py; the
folders are MultiModalPromptLearner, VLPromptLearner and prompt_learner.  Their checkpoints hold the
whole model.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..checkpoint import Shape, StateDict, check_shapes
from ..errors import ExportError
from ..parts import Call, ExtensionParts
from . import dassl
from .base import About, Base, adapter_parts, check_prompt_room, compact
from .frozen import check_frozen, split_frozen
from .trained_on import PREFIX, SUFFIX, check_base, check_texts, check_words

NETWORKS = ("MultiModalPromptLearner", "VLPromptLearner", "prompt_learner")
TENSORS = "tensors/maple.safetensors"
_LEARNER = "prompt_learner."
_CONTEXT = f"{_LEARNER}ctx"
_DEEP = f"{_LEARNER}compound_prompts_text."
_PROJECTIONS = f"{_LEARNER}compound_prompt_projections."
_BLOCKS = "transformer.resblocks."
_MOST_WORDS = 4  # vectors that the released code starts from words


def _check_depth(base: Base, tower: str, depth: int) -> int:
    """The width of the tower's prompts."""
    layers, width = base.prompt_limits(tower)
    if depth > layers:
        raise ExportError(
            f"expected prompts for at most the {layers} layers of the base's {tower} tower, "
            f"got {depth}"
        )
    return width


def _text_call(base: Base, prompts: Tensor) -> Call:
    """The prompts of the first two layers alone between start and end, to keep the call small."""
    prompts = prompts[:2].detach().float()
    rows = base.rows(base.ids("X " * prompts.shape[1]))[None]
    eot = torch.tensor([rows.shape[1] - 1])
    return base.call("text", "forward_prompted", embeddings=rows, eot=eot, prompts=prompts)


def parts_of(
    base: Base,
    about: About,
    template: str,
    text_prompts: Tensor | None = None,
    image_prompts: Tensor | None = None,
) -> ExtensionParts:
    """A package of text prompts [P, N, width], image prompts [Q, M, image width], or both.

    template: the words behind the text's vectors with one "{}", as "{}." or "of a {}."; without
    text prompts the whole text, as "a photo of a {}.".
    """
    given = {"text_prompts": text_prompts, "image_prompts": image_prompts}
    prompts = {name: tensor for name, tensor in given.items() if tensor is not None}
    if not prompts:
        raise ExportError("expected text prompts, image prompts or both, got none")
    shapes: dict[str, Shape] = {}
    for name, tensor in prompts.items():
        width = _check_depth(base, name.removesuffix("_prompts"), len(tensor))
        shapes[name] = ("layers of text", "N", width) if name[0] == "t" else ("layers", "M", width)
    sizes = check_shapes(prompts, shapes, "the prompts")
    if template.count("{}") != 1:
        raise ExportError(f'expected a template with one "{{}}", got {template!r}')
    if text_prompts is not None:
        check_prompt_room(base, sizes["N"], "text's prompts")
        call = _text_call(base, text_prompts)
    else:
        call = base.plain_call([template])
    head = {"type": "maple", "tensors": TENSORS, "parameters": {"template": template}}
    tensors = {TENSORS: {name: compact(tensor) for name, tensor in prompts.items()}}
    return adapter_parts(base, about, [head], [call], tensors=tensors)


def literal_words(base: Base, initial: str, count: int) -> str:
    """The initial words that `count` vectors did not take the place of.

    The first ids of the words became vectors, and the others stayed as words; more than four
    vectors start as noise.
    """
    if not initial or count > _MOST_WORDS:
        return ""
    words = initial.replace("_", " ").split()
    for taken in range(len(words) + 1):
        if len(base.tokenizer.encode(" ".join(words[:taken]))) == count:
            return " ".join(words[taken:])
    raise ExportError(
        f"expected initial words whose first {count} ids end with a word, got {initial!r}"
    )


def _numbers(state: StateDict, before: str, after: str) -> int:
    """Different names BEFORE N ... AFTER; check_shapes names the gaps."""
    names = [n.removeprefix(before) for n in state if n.startswith(before) and n.endswith(after)]
    return len({name.split(".")[0] for name in names})


def _maple(base: Base, state: StateDict, where: str) -> tuple[Tensor, Tensor]:
    """Text prompts, and image prompts that the learned projections make of them, in f32."""
    deep = _numbers(state, _DEEP, "")
    width = _check_depth(base, "text", deep + 1)
    vision = _check_depth(base, "image", deep + 1)
    texts = [_CONTEXT, *(f"{_DEEP}{i}" for i in range(deep))]
    layers = [f"{_LEARNER}proj", *(f"{_PROJECTIONS}{i}" for i in range(deep))]
    shapes: dict[str, Shape] = {name: ("N", width) for name in texts}
    for layer in layers:
        shapes |= {f"{layer}.weight": (vision, width), f"{layer}.bias": (vision,)}
    check_shapes(state, shapes, where, (_LEARNER + PREFIX, _LEARNER + SUFFIX))
    text = [state[name].float() for name in texts]
    image = [
        x @ state[f"{layer}.weight"].float().T + state[f"{layer}.bias"].float()
        for x, layer in zip(text, layers, strict=True)
    ]
    return torch.stack(text), torch.stack(image)


def _independent(base: Base, state: StateDict, where: str) -> list[Tensor | None]:
    """[text prompts, image prompts], each of a tower of its own."""
    names, shapes = [], {}
    for tower, first in (("text", _CONTEXT), ("image", "image_encoder.VPT")):
        blocks = f"{tower}_encoder.{_BLOCKS}"
        deep = _numbers(state, blocks, ".VPT_shallow")
        found = [first, *(f"{blocks}{i + 1}.VPT_shallow" for i in range(deep))]
        names.append(found if deep or first in state else [])
        if names[-1]:
            width = _check_depth(base, tower, deep + 1)
            shapes |= {name: (f"vectors of {tower}", width) for name in found}
    check_shapes(state, shapes, where, (_LEARNER + PREFIX, _LEARNER + SUFFIX))
    return [torch.stack([state[n].float() for n in one]) if one else None for one in names]


def _texts(words: str, classes: Sequence[str]) -> list[str]:
    return [f"{words} {name.replace('_', ' ')}.".lstrip() for name in classes]


def read(base: Base, about: About, path: Path, initial: str) -> ExtensionParts:
    """A package of a Dassl checkpoint; initial: the words that the prompts started from.

    token_prefix, token_suffix and the frozen towers are compared with the base and dropped.
    """
    checkpoint = dassl.read(path, NETWORKS)
    where = checkpoint.path.name
    learned, frozen = split_frozen(checkpoint.state)
    if not learned:
        raise ExportError(f"expected prompts of MaPLe, IVLP or VPT in {where}, got none")
    check_frozen(base, frozen, where)
    if f"{_LEARNER}proj.weight" in learned or _numbers(learned, _DEEP, ""):
        text, image = _maple(base, learned, where)
    else:
        text, image = _independent(base, learned, where)
    words = initial.replace("_", " ").strip()
    if text is not None:
        count = text.shape[1]
        words = literal_words(base, words, count)
        check_base(base, learned, where, _LEARNER)
        check_words(base, learned, count, words, where, _LEARNER)
        if about.classes:
            check_texts(base, learned, count, _texts(words, about.classes), where, _LEARNER)
    template = f"{words} {{}}.".lstrip()
    return parts_of(base, about.made_of(checkpoint.provenance), template, text, image)
