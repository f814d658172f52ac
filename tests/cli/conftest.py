"""Fixtures of the program's tests."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from program_support import PACKAGE, PHOTOS, PROGRAM, Result, environment


@pytest.fixture(scope="session")
def program():
    assert PROGRAM.is_file(), f"build the program first, or set GLINT_PROGRAM: {PROGRAM}"
    return str(PROGRAM)


@pytest.fixture(scope="session")
def package():
    return str(PACKAGE)


@pytest.fixture
def glint(program, tmp_path):
    """Runs the program in an empty folder."""

    def run(*arguments, input=b"", env=None, **options):
        return Result(
            subprocess.run(
                [program, *map(str, arguments)],
                input=input,
                capture_output=True,
                timeout=120,
                cwd=options.pop("cwd", tmp_path),
                env=environment(**(env or {})),
                **options,
            )
        )

    return run


@pytest.fixture
def tiny(glint, package):
    """Runs a command with the small random package."""
    return lambda command, *rest, **options: glint(command, "--model", package, *rest, **options)


@pytest.fixture(scope="session")
def cat():
    return str(PHOTOS / "cat.jpeg")


@pytest.fixture(scope="session")
def dog():
    return str(PHOTOS / "dog.jpeg")


@pytest.fixture(scope="session")
def three(cat, dog):
    return [cat, dog, str(PHOTOS / "chelsea.png")]


@pytest.fixture
def copy_package(tmp_path):
    """A copy that a test may change; seal it to make the digests right again."""

    def copy(name="copy.glint"):
        return Path(shutil.copytree(PACKAGE, tmp_path / "packages" / name))

    return copy


@pytest.fixture
def build(glint, tmp_path):
    """glint index build: makes an index of an array, or of a file that is there."""

    def run(rows, *flags, output="a.gidx"):
        if not isinstance(rows, str):
            np.save(tmp_path / "rows.npy", rows)
            rows = "rows.npy"
        return glint("index", "build", "--embeddings", rows, "--output", output, *flags)

    return run


@pytest.fixture
def search(glint, package):
    """glint index search, with the small random package."""

    def run(*flags, index="a.gidx", **options):
        return glint("index", "search", index, "--model", package, *flags, **options)

    return run
