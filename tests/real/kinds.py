"""What a published number is of and how it is measured; which checkpoints can be exported.

A row of a family that EXPORTERS lacks cannot run yet: a new exporter adds its line there.  What a
row cannot say about its measurement yet is `measure=None`.
"""

from dataclasses import dataclass

# Family -> arguments of glint_export that are followed by the checkpoint's path; none: the file is
# a package already.
EXPORTERS = {
    "openai clip": ("clip", "--openai"),
    "hf clip": ("hf", "--folder"),
    "package": (),
}


@dataclass(frozen=True)
class Checkpoint:
    """A file or folder that is looked for, by any of its names, at any depth."""

    name: str
    family: str
    files: tuple[str, ...]
    sha256: str = ""  # of the published file
    model_type: str = ""  # of a folder's config.json


@dataclass(frozen=True)
class Scores:
    """Probabilities or logits of labels for one picture."""

    pictures: tuple[str, ...]  # names of the one picture; the first that is there
    labels: tuple[str, ...]
    template: str = "{}"
    field: str = "probability"
    compared: tuple[str, ...] = ()  # labels whose numbers were published; none: all


@dataclass(frozen=True)
class Accuracy:
    """Zero-shot top-1 in per cent over a folder of one folder a class, named as the class."""

    folder: str
    templates: tuple[str, ...]


@dataclass(frozen=True)
class Cosines:
    """Cosine of each embedding with the published one, a row of an .npy: 1 when they agree."""

    published: str  # a name in the inputs, or a path in the source tree
    pictures: tuple[str, ...] = ()  # either pictures
    texts: tuple[str, ...] = ()  # or texts


@dataclass(frozen=True)
class Number:
    """One or several values that were published together, in the order of what is measured."""

    checkpoint: Checkpoint
    what: str
    expected: tuple[float, ...]
    source: str
    measure: Scores | Accuracy | Cosines | None = None
    absolute: float = 0.0  # a value passes within absolute + relative * |expected|
    relative: float = 0.0
