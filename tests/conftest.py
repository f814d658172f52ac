"""Shared by tests/python and tests/parity."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / part) for part in ("models/export", "models/tiny", "tests")]

TINY_ARCH = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "patch_size": 8, "width": 32, "layers": 2, "head_width": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2},
}

TINY_RESNET = TINY_ARCH | {
    "vision_cfg": {"image_size": 64, "layers": [1, 2, 1, 1], "width": 8, "head_width": 32}
}


def pytest_configure(config):
    config.addinivalue_line("markers", "full: large shapes, minutes; run with -m full")
    config.addinivalue_line("filterwarnings", "ignore::FutureWarning")


def pytest_collection_modifyitems(config, items):
    """Without -m, tests marked full are left out."""
    if config.option.markexpr:
        return
    full = [item for item in items if item.get_closest_marker("full")]
    config.hook.pytest_deselected(items=full)
    items[:] = [item for item in items if item not in full]


@pytest.fixture(scope="session")
def tiny_arch_folder(tmp_path_factory):
    """Configurations of small architectures, as open_clip reads them."""
    folder = tmp_path_factory.mktemp("arch")
    (folder / "tiny-test.json").write_text(json.dumps(TINY_ARCH))
    (folder / "tiny-test-quickgelu.json").write_text(json.dumps(TINY_ARCH | {"quick_gelu": True}))
    (folder / "tiny-resnet.json").write_text(json.dumps(TINY_RESNET))
    return folder


@pytest.fixture(scope="session")
def tiny_arch(tiny_arch_folder):
    """Name of a two-layer architecture that open_clip knows during the tests, and tiny-resnet."""
    import open_clip

    open_clip.add_model_config(tiny_arch_folder)
    return "tiny-test"


@pytest.fixture
def tiny_parts(tiny_arch):
    """Makes the parts of a small random package."""
    from glint_export import clip

    def make(storage="f32", seed=1):
        return clip.parts_of(clip.load_source(tiny_arch, None, seed), "tiny", storage, "Apache-2.0")

    return make
