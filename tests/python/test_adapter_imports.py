"""What the importers of adapters refuse, each with one sentence, and how small packages are."""

import json
import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from glint_export.__main__ import main
from glint_export.adapters import clip_adapter, coop, maple, tip_adapter
from glint_export.adapters.base import About, Base
from glint_export.errors import ExportError

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
CHECKPOINTS = GOLDEN / "adapter_checkpoints"
BASE = GOLDEN / "packages" / "adapters.glint"
PROMPTED = GOLDEN / "packages" / "prompts.glint"
ABOUT = About("imported", "MIT", {}, ["cat", "dog"])
METHODS = {
    "coop": ("coop/prompt_learner/model.pth.tar-3", BASE),
    "cocoop": ("cocoop/prompt_learner/model.pth.tar-3", BASE),
    "clip-adapter": ("clip_adapter/clip_adapter/model-best.pth.tar", BASE),
    "maple": ("maple/MultiModalPromptLearner/model.pth.tar-5", PROMPTED),
}


@pytest.fixture
def run(tmp_path, capsys):
    """Runs a command; the one line that it says on stderr, or None when it succeeds."""

    def command(family, checkpoint, base=BASE, *more):
        out = tmp_path / "out.glint"
        arguments = [family, "--checkpoint", checkpoint, "--base", base, "--out", out, *more]
        capsys.readouterr()
        code = main([str(a) for a in arguments])
        said = capsys.readouterr().err
        assert out.exists() == (code == 0)
        assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []
        return None if code == 0 else said.strip().splitlines()[-1]

    return command


@pytest.fixture
def state(tmp_path):
    """A method's checkpoint with a state dict that a test has changed."""

    def changed(family, change):
        file = CHECKPOINTS / METHODS[family][0]
        content = torch.load(file, weights_only=False)
        change(content["state_dict"])
        target = tmp_path / "model.pth.tar-1"
        torch.save(content, target)
        return target

    return changed


@pytest.mark.parametrize("family", METHODS)
def test_a_cut_file_is_refused(run, tmp_path, family):
    source, base = METHODS[family]
    data = (CHECKPOINTS / source).read_bytes()
    for size in (0, 10, len(data) // 2, len(data) - 5):
        (tmp_path / "cut.pth").write_bytes(data[:size])
        said = run(family, tmp_path / "cut.pth", base)
        assert said is not None and "cut.pth" in said


class _Shell:
    def __reduce__(self):
        return os.system, ("touch /tmp/glint_was_here",)


@pytest.mark.parametrize("family", METHODS)
def test_code_in_a_pickle_does_not_run(run, tmp_path, family):
    target = Path("/tmp/glint_was_here")
    target.unlink(missing_ok=True)
    (tmp_path / "plain.pth").write_bytes(pickle.dumps({"state_dict": _Shell()}))
    torch.save({"state_dict": _Shell()}, tmp_path / "zip.pth")
    torch.save({"state_dict": {}, "optimizer": _Shell()}, tmp_path / "beside.pth")
    for name in ("plain.pth", "zip.pth", "beside.pth"):
        assert run(family, tmp_path / name, METHODS[family][1]) is not None
    assert not target.exists()


@pytest.mark.parametrize(
    ("family", "key", "value", "said"),
    [
        ("coop", "ctx", None, "ctx"),
        ("coop", "ctx", torch.zeros(4, 17), "ctx"),
        ("coop", "ctx", torch.full((4, 16), float("nan")), "finite"),
        ("coop", "ctx", torch.zeros(75, 16), "expected 1 to 74 vectors"),
        ("coop", "more", torch.zeros(1), "more"),
        ("coop", "token_prefix", torch.zeros(7, 1, 16), "start token"),
        ("cocoop", "meta_net.linear1.weight", None, "meta_net.linear1.weight"),
        ("cocoop", "meta_net.linear2.weight", torch.zeros(15, 2), "meta_net.linear2.weight"),
        ("clip-adapter", "fc.0.weight", torch.zeros(2, 9), "fc.0.weight"),
        ("clip-adapter", "fc.2.weight", None, "fc.2.weight"),
        ("maple", "prompt_learner.proj.weight", None, "prompt_learner.proj.weight"),
        ("maple", "image_encoder.conv1.weight", torch.zeros(1), "image_encoder.conv1.weight"),
    ],
)
def test_tensors_that_do_not_fit_are_named(run, state, family, key, value, said):
    def change(tensors):
        if value is None:
            del tensors[key]
        else:
            tensors[key] = value

    message = run(family, state(family, change), METHODS[family][1])
    assert message is not None and said in message


def test_all_wrong_tensors_are_named_at_once(run, state):
    def change(tensors):
        del tensors["meta_net.linear1.bias"], tensors["meta_net.linear2.bias"]
        tensors["stranger"] = torch.zeros(1)

    message = run("cocoop", state("cocoop", change))
    for name in ("meta_net.linear1.bias", "meta_net.linear2.bias", "stranger"):
        assert name in message


def test_a_frozen_tower_of_another_base_is_refused(run, state):
    def change(tensors):
        tensors["image_encoder.ln_post.weight"] = tensors["image_encoder.ln_post.weight"] + 1

    message = run("maple", state("maple", change), PROMPTED)
    assert message is not None and "ln_post.weight" in message


def test_a_base_without_prompts_or_of_another_width_is_refused(run):
    tiny = Path(__file__).resolve().parents[2] / "models" / "tiny-clip.glint"
    for family in ("coop", "maple"):
        assert run(family, CHECKPOINTS / METHODS[family][0], tiny) is not None
    assert "extends nothing" in run("coop", CHECKPOINTS / METHODS["coop"][0],
                                    GOLDEN / "packages" / "heads-cocoop.glint")  # fmt: skip


def test_more_depth_than_layers_is_refused():
    base = Base(PROMPTED)
    layers, width = base.prompt_limits("text")
    with pytest.raises(ExportError, match=f"at most the {layers} layers"):
        maple.parts_of(base, ABOUT, "{}.", text_prompts=torch.zeros(layers + 1, 2, width))


def test_folders_without_a_checkpoint_are_refused(run, tmp_path):
    (tmp_path / "empty").mkdir()
    for family in METHODS:
        assert "model-best.pth.tar" in run(family, tmp_path / "empty", METHODS[family][1])
        assert run(family, tmp_path / "nothing", METHODS[family][1]) is not None


TIP = ["--alpha", "1", "--beta", "2"]


@pytest.fixture
def cache(tmp_path):
    """A copy of the released cache folder, and its class list."""
    folder = Path(shutil.copytree(CHECKPOINTS / "tip_adapter", tmp_path / "cache"))
    classes = tmp_path / "classes.json"
    classes.write_text(json.dumps(["a", "b", "c", "d", "e", "f", "g"]))
    return folder, classes


@pytest.mark.parametrize(
    ("file", "value", "said"),
    [
        ("keys_2shots.pt", torch.zeros(9, 8), "keys"),
        ("keys_2shots.pt", torch.ones(8, 16), "length 1"),
        ("values_2shots.pt", torch.zeros(8, 6), "one 1 in each row"),
        ("values_2shots.pt", torch.eye(16), "class"),
        ("values_2shots.pt", torch.zeros(3), "one-hot rows"),
        ("keys_2shots.pt", "text", "tensor"),
    ],
)
def test_cache_files_that_do_not_fit_are_refused(run, cache, file, value, said):
    folder, classes = cache
    torch.save(value, folder / file)
    message = run("tip-adapter", folder, BASE, "--classes", classes, *TIP)
    assert message is not None and said in message


def test_a_cache_is_looked_for_by_its_shots(run, cache):
    folder, classes = cache
    assert run("tip-adapter", folder, BASE, "--classes", classes, *TIP, "--shots", "4") is not None
    assert run("tip-adapter", folder, BASE, "--classes", classes, *TIP, "--shots", "2") is None


def test_labels_beyond_the_class_list_are_refused(run, cache):
    folder, classes = cache
    classes.write_text(json.dumps(["a", "b"]))
    message = run("tip-adapter", folder, BASE, "--classes", classes, *TIP)
    assert "classes" in message


def stored(parts):
    """Bytes of the tensors that the package holds, f16 where that is exact."""
    return sum(t.numel() * t.element_size() for file in parts.tensors.values() for t in file.values())


class _TrueShape:
    """A base with ViT-B/16's widths, without its towers."""

    embed_dim, text_width, context, has_text = 512, 512, 77, True
    package = Base(BASE).package

    def prompt_limits(self, tower):
        return 12, 512 if tower == "text" else 768

    def ports(self, *_):
        return {}

    def __getattr__(self, name):
        from glint_export.parts import Call

        answers = {
            "rows": lambda ids: torch.zeros(len(ids), 512),
            "ids": lambda text: [0] * (2 + text.count("X")),
            "call": lambda *a, **k: Call("text", "forward", {}, {}),
            "plain_call": lambda text: Call("text", "forward", {}, {}),
            "tokenizer": type("T", (), {"eot_token_id": 1}),
        }
        return answers[name]


def test_packages_of_the_true_shape_are_small():
    base, draw = _TrueShape(), torch.Generator().manual_seed(1)
    context = torch.randn(16, 512, generator=draw)
    assert stored(coop.parts_of(base, ABOUT, context, "end")) <= 40_000
    text = torch.randn(9, 2, 512, generator=draw)
    image = torch.randn(9, 2, 768, generator=draw)
    assert stored(maple.parts_of(base, ABOUT, "of a {}.", text, image)) <= 120_000
    down, up = torch.randn(128, 512), torch.randn(512, 128)
    assert stored(clip_adapter.parts_of(base, ABOUT, down, up, 0.2)) <= 600_000
    half = torch.nn.functional.normalize(torch.randn(160, 512)).half()
    labels = torch.arange(160) % 2
    assert stored(tip_adapter.parts_of(base, ABOUT, half, labels, 1.0, 1.0)) == 160 * (1024 + 8)


@pytest.mark.parametrize("family", [*METHODS, "tip-adapter"])
def test_help_says_what_is_needed(family, capsys):
    with pytest.raises(SystemExit) as done:
        main([family, "--help"])
    text = capsys.readouterr().out
    assert done.value.code == 0 and "--checkpoint" in text and "--base" in text
