"""python -m glint_export: arguments, messages, exit codes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import open_clip
import pytest
import torch
from glint_export import clip, pictures
from glint_export.__main__ import main
from safetensors.torch import load_file

EXPORT = Path(clip.__file__).parent.parent
COOP = ["coop", "--checkpoint", "d", "--base", "b.glint", "--out", "a.glint"]


@pytest.fixture
def run(tmp_path, tiny_arch, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = main(["clip", *arguments])
        return code, capsys.readouterr().err

    return run


def manifest(tmp_path, name="a"):
    return json.loads((tmp_path / f"{name}.glint/glint.json").read_text())


def test_random_export_writes_a_package(run, tmp_path):
    code, err = run("--arch", "tiny-test", "--random", "9", "--out", "a.glint")
    assert code == 0 and "wrote a.glint" in err
    written = manifest(tmp_path)
    assert written["name"] == "a"
    assert written["provenance"]["weights"] == "random, seed 9"
    assert written["activation"] == "gelu"
    assert written["towers"]["text"]["storage"] == "f32"
    assert json.loads((tmp_path / "a.glint/templates.json").read_text()) == ["a photo of a {}."]


def test_every_option_reaches_the_manifest(run, tmp_path):
    (tmp_path / "t.json").write_text('["{}", "ein Bild: {}"]')
    picture = pictures.drawn(40)["rgb.png"]
    (tmp_path / "p.png").write_bytes(picture)
    code, _ = run(
        *("--arch", "tiny-test", "--random", "--quick-gelu", "--image-size", "48"),
        *("--storage", "f16", "--name", "other", "--licence", "MIT", "--templates", "t.json"),
        *("--reference-image", "p.png", "--out", "a.glint"),
    )
    assert code == 0
    written = manifest(tmp_path)
    assert written["name"] == "other" and written["licence"] == "MIT"
    assert written["activation"] == "quick_gelu"
    assert written["preprocess"]["default"]["size"] == [48, 48]
    assert written["towers"]["image"]["storage"] == "f16"
    assert written["reference"]["images"] == ["reference/0.png"]
    assert json.loads((tmp_path / "a.glint/templates.json").read_text()) == ["{}", "ein Bild: {}"]


@pytest.mark.parametrize(
    ("arch", "flags", "activation"),
    [
        ("tiny-test", [], "gelu"),
        ("tiny-test", ["--quick-gelu"], "quick_gelu"),
        ("tiny-test-quickgelu", [], "quick_gelu"),
        ("tiny-test-quickgelu", ["--gelu"], "gelu"),
    ],
)
def test_activation_follows_the_name_and_then_the_flag(run, tmp_path, arch, flags, activation):
    assert run("--arch", arch, "--random", *flags, "--out", "a.glint")[0] == 0
    assert manifest(tmp_path)["activation"] == activation


def test_local_checkpoint_is_named_by_its_digest_not_its_path(run, tmp_path):
    torch.save(open_clip.create_model("tiny-test").state_dict(), tmp_path / "weights.pt")
    path = str(tmp_path / "weights.pt")
    assert run("--arch", "tiny-test", "--pretrained", path, "--out", "a.glint")[0] == 0
    provenance = manifest(tmp_path)["provenance"]
    assert provenance["weights"] == "weights.pt" and len(provenance["weights_sha256"]) == 64
    assert str(tmp_path) not in json.dumps(manifest(tmp_path))


def test_tag_decides_activation_and_preprocess(tiny_arch, tmp_path, monkeypatch, capsys):
    torch.save(open_clip.create_model(tiny_arch).state_dict(), tmp_path / "weights.pt")
    tag = {
        "file": str(tmp_path / "weights.pt"),
        "mean": (0.5, 0.5, 0.5),
        "std": (0.25, 0.25, 0.25),
        "interpolation": "bilinear",
        "resize_mode": "squash",
        "quick_gelu": True,
    }
    monkeypatch.setattr(clip, "get_pretrained_cfg", lambda arch, name: tag if name == "t" else {})
    parts = clip.parts_of(clip.load_source(tiny_arch, "t"), "x", "f32", "x")
    assert (
        parts.activation == "quick_gelu" and "note: quick_gelu instead" in capsys.readouterr().err
    )
    assert parts.preprocess["mean"] == [0.5] * 3 and parts.preprocess["std"] == [0.25] * 3
    assert parts.preprocess["interpolation"] == "bilinear"
    assert parts.preprocess["geometry"] == "squash"


def test_failed_download_is_one_sentence(run, monkeypatch):
    def fail(_):
        raise RuntimeError("no network\nmore")

    monkeypatch.setattr(clip, "get_pretrained_cfg", lambda *_: {"url": "x"})
    monkeypatch.setattr(clip, "download_pretrained", fail)
    code, err = run("--arch", "tiny-test", "--pretrained", "openai", "--out", "a.glint")
    assert code == 1
    assert err.splitlines()[-1] == (
        "error: expected to download the weights openai of tiny-test, got: no network"
    )


@pytest.mark.parametrize(
    ("arch", "reason"),
    [
        ("xlm-roberta-base-ViT-B-32", "the Hugging Face text tower xlm-roberta-base"),
        ("ViT-B-16-SigLIP", "the timm image tower"),
        ("ViT-H-14-CLIPA", "the tokenizer bert-base-uncased"),
        ("ViT-M-16-alt", "vision_cfg.ls_init_value"),
        ("coca_ViT-B-32", "a CoCa decoder"),
        ("ViT-B32", "close: ViT-B-32"),
        ("hf-hub:someone/model", "expected an architecture name of open_clip"),
    ],
)
def test_other_architectures_are_refused_in_one_sentence(run, tmp_path, arch, reason):
    code, err = run("--arch", arch, "--random", "--out", "a.glint")
    assert code == 1 and err.startswith("error: ") and err.count("\n") == 1 and reason in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--random", "--out", "a.zip"], "ends in .glint"),
        (["--random", "--out", "no/such/a.glint"], "existing folder no/such"),
        (["--pretrained", "nope.pt", "--out", "a.glint"], "or a file, got 'nope.pt'"),
        (["--random", "--templates", "no.json", "--out", "a.glint"], "readable file no.json"),
        (["--random", "--reference-image", "no.png", "--out", "a.glint"], "readable file no.png"),
        (["--random", "--name", "A b", "--out", "a.glint"], "as the name"),
        (["--random", "--image-size", "7", "--out", "a.glint"], "from 8, the patch size"),
        (["--random", "--image-size", "5000", "--out", "a.glint"], "to 4096, got 5000"),
        (["--openai", "no.pt", "--out", "a.glint"], "got no file no.pt"),
    ],
)
def test_wrong_inputs_fail_with_one_sentence(run, tmp_path, arguments, reason):
    arch = [] if "--openai" in arguments else ["--arch", "tiny-test"]
    code, err = run(*arch, *arguments)
    last = err.splitlines()[-1]
    assert code == 1 and last.startswith("error: ") and reason in last
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["lseg"],
        ["clip", "--arch", "ViT-B-32", "--out", "a.glint"],
        ["clip", "--arch", "ViT-B-32", "--random", "x", "--out", "a.glint"],
        ["clip", "--arch", "ViT-B-32", "--random", "--pretrained", "x", "--out", "a.glint"],
        ["clip", "--arch", "ViT-B-32", "--random", "--gelu", "--quick-gelu", "--out", "a.glint"],
        ["clip", "--arch", "ViT-B-32", "--random", "--image-size", "0", "--out", "a.glint"],
        ["clip", "--arch", "ViT-B-32", "--random", "--storage", "int8", "--out", "a.glint"],
        ["clip", "--random", "--out", "a.glint"],
        ["clip", "--openai", "a.pt", "--random", "--out", "a.glint"],
        ["clip", "--openai", "a.pt", "--arch", "RN50", "--out", "a.glint"],
        ["clip", "--openai", "a.pt", "--gelu", "--out", "a.glint"],
        ["clip", "--openai", "a.pt", "--image-size", "64", "--out", "a.glint"],
        ["hf", "--out", "a.glint"],
        ["hf", "--folder", "d", "--random", "--out", "a.glint"],
        ["open_clip", "--folder", "d"],
        ["hf", "--folder", "d", "--image-only", "--templates", "t.json", "--out", "a.glint"],
        ["coop", "--checkpoint", "d", "--out", "a.glint"],
        ["coop", "--base", "b.glint", "--out", "a.glint"],
        [*COOP, "--class-token-position", "behind"],
        [*COOP, "--storage", "f16"],
        ["cocoop", *COOP[1:], "--class-token-position", "end"],
        ["clip-adapter", *COOP[1:], "--ratio", "x"],
        ["tip-adapter", *COOP[1:], "--alpha", "1", "--beta", "1"],
        ["tip-adapter", *COOP[1:], "--classes", "c.json", "--alpha", "1"],
    ],
)
def test_wrong_usage_exits_with_2(arguments):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2


@pytest.mark.parametrize("family", ["hf", "open_clip"])
def test_a_missing_folder_is_named(tmp_path, capsys, monkeypatch, family):
    monkeypatch.chdir(tmp_path)
    assert main([family, "--folder", "no/such", "--out", "a.glint"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: expected ") and "no/such" in err and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_resnet_is_exported_at_random(run, tmp_path):
    code, err = run("--arch", "tiny-resnet", "--random", "--image-size", "64", "--out", "a.glint")
    assert code == 0, err
    assert manifest(tmp_path)["preprocess"]["default"]["size"] == [64, 64]
    code, err = run("--arch", "tiny-resnet", "--random", "--image-size", "48", "--out", "b.glint")
    assert code == 1 and "multiple of 32" in err
    torch.save(open_clip.create_model("tiny-resnet").state_dict(), tmp_path / "w.pt")
    weights = ("--pretrained", str(tmp_path / "w.pt"))
    code, err = run("--arch", "tiny-resnet", *weights, "--image-size", "96", "--out", "b.glint")
    assert code == 1 and "attention pool has one size" in err
    assert run("--arch", "tiny-resnet", *weights, "--storage", "f16", "--out", "b.glint")[0] == 0


def test_image_only_leaves_text_tower_and_tokenizer_out(run, tmp_path):
    assert run("--arch", "tiny-test", "--random", "--image-only", "--out", "a.glint")[0] == 0
    written = manifest(tmp_path)
    assert written["tokenizer"] is None
    (head,) = written["tasks"]["classify"]["heads"]  # answers with class banks
    assert head == {"type": "zero_shot", "templates": None}
    assert list(written["towers"]) == ["image"] and written["reference"]["texts"] == []
    folder = tmp_path / "a.glint"
    assert not list(folder.glob("tokenizer")) and not list(folder.glob("templates.json"))
    assert list((folder / "towers").iterdir()) == [folder / "towers/image.pt"]
    golden = load_file(tmp_path / "a.glint/reference/vectors.safetensors")
    assert set(golden) == {"pixels.0", "pixels.1", "pixels.2", "image_embedding"}


def test_help_names_every_option(capsys):
    towers = ["--storage", "--image-only", "--templates", "--reference-image"]
    adapter = ["--checkpoint", "--base", "--classes"]
    for family, options in {
        "clip": [
            "--arch", "--pretrained", "--openai", "--random", "--gelu", "--image-size", *towers,
        ],
        "hf": ["--folder", *towers],
        "open_clip": ["--folder", *towers],
        "coop": ["--class-token-position", *adapter],
        "cocoop": adapter,
        "maple": ["--ctx-init", *adapter],
        "clip-adapter": ["--ratio", "--templates", *adapter],
        "tip-adapter": [
            "--alpha", "--beta", "--shots", "--fine-tuned", "--templates", *adapter,
        ],
    }.items():  # fmt: skip
        with pytest.raises(SystemExit) as exit_:
            main([family, "--help"])
        text = capsys.readouterr().out
        assert exit_.value.code == 0
        for option in [*options, "--name", "--licence", "--out", "--force"]:
            assert option in text, (family, option)


def test_help_names_every_family(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for family in ("clip", "hf", "open_clip", "coop", "cocoop", "maple", "clip-adapter",
                   "tip-adapter"):  # fmt: skip
        assert f"\n    {family}" in text


@pytest.mark.parametrize(
    ("stop", "step"),
    [
        (signal.SIGINT, "verifying the text tower"),
        (signal.SIGTERM, "scripting the text tower"),
    ],
)
def test_an_interrupt_leaves_nothing_behind(tmp_path, tiny_arch_folder, stop, step):
    (tmp_path / "out").mkdir()
    code = (
        "import open_clip, sys; open_clip.add_model_config(sys.argv.pop(1)); "
        "from glint_export.__main__ import main; sys.exit(main())"
    )
    command = [sys.executable, "-c", code, str(tiny_arch_folder), "clip", "--arch", "tiny-test"]
    command += ["--random", "--out", str(tmp_path / "out/a.glint")]
    environment = os.environ | {"PYTHONPATH": str(EXPORT)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        for line in process.stderr:
            if line.startswith(step):
                process.send_signal(stop)
                break
        rest = process.stderr.read()
        assert process.wait(timeout=60) == 128 + stop, rest
    finally:
        process.kill()
    assert rest.splitlines()[-1] == "error: interrupted; nothing was written"
    assert list((tmp_path / "out").iterdir()) == []
