"""Helpers of the program's tests.

GLINT_PROGRAM names the program; without it, it is the release build of this tree.
"""

import hashlib
import json
import os
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("GLINT_PROGRAM") or ROOT / "build" / "release" / "bin" / "glint")
PACKAGE = ROOT / "tests" / "golden" / "packages" / "random-vit.glint"
EMBED_DIM = json.loads((PACKAGE / "glint.json").read_text())["embed_dim"]
PHOTOS = ROOT / "examples" / "data"


class Result:
    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout.decode()
        self.err = done.stderr.decode()

    @property
    def json(self):
        """The objects of stdout, which must be one a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    def failed(self, *parts, code=1):
        """One sentence on stderr, no answer on stdout."""
        lines = [line for line in self.err.splitlines() if line]
        assert self.code == code, self.err
        assert self.out == ""
        assert len(lines) == 1 and lines[0].startswith("error: "), self.err
        for part in parts:
            assert part in self.err
        return True


def environment(**changes):
    env = {k: v for k, v in os.environ.items() if not k.startswith("GLINT_")}
    return env | {name: str(value) for name, value in changes.items()}


def seal(folder):
    """Makes the digests of a changed package right again."""
    manifest = json.loads((folder / "glint.json").read_text())
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in ("glint.json", "glint.json.sha256"):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            manifest["files"][name] = f"sha256:{digest}"
    data = (json.dumps(manifest, indent=2, sort_keys=True) + "\n").encode()
    (folder / "glint.json").write_bytes(data)
    (folder / "glint.json.sha256").write_text(hashlib.sha256(data).hexdigest() + "\n")


def unit_rows(count, dim=EMBED_DIM, seed=1):
    rows = np.random.default_rng(seed).standard_normal((count, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("<f4")
