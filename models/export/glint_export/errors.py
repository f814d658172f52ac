"""The one error of the exporter, and its progress lines."""

import sys


class ExportError(Exception):
    """One sentence: what was expected, what was got, where."""


def reason(error: BaseException) -> str:
    """The first line of a foreign error, to quote in a sentence."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def progress(text: str) -> None:
    """One line on stderr before a step that takes a while."""
    print(text, file=sys.stderr, flush=True)
