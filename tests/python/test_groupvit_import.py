"""Importing GroupViT: the released code's checkpoint, transformers' folders, random weights."""

import json

import groupvit_support as support
import pytest
import torch
from glint_export import ExportError, groupvit, groupvit_checkpoint, hf_groupvit, write_package
from glint_export.__main__ import main
from glint_export.closed_pickle import read_saved
from glint_export.groupvit import Background
from glint_export.package import Package
from glint_export.verify import relative_difference
from hf_support import published_merges
from safetensors.torch import load_file

FEW = 300  # merges; the package format takes any number


@pytest.fixture
def file(tmp_path):
    return support.checkpoint(tmp_path)


def load(file):
    return groupvit_checkpoint.load_source(file, support.HEADS, support.merges())


@pytest.fixture
def edited(file):
    """Saves the checkpoint again with what `change` makes of its content."""

    def edit(change):
        content = read_saved(file, "a checkpoint")
        content = {"model": dict(content.get("model", content)), "epoch": 29}
        torch.save(change(content), file)
        return file

    return edit


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("groupvit") / "hf"
    support.save(folder, published_merges()[:FEW])
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    import shutil

    return shutil.copytree(saved, tmp_path / "hf")


def test_the_committed_package_is_whole_and_what_the_checkpoint_makes(tmp_path, file):
    package = Package(support.PACKAGE)
    assert sum(p.stat().st_size for p in support.PACKAGE.rglob("*") if p.is_file()) < 8e5
    towers = load(file)
    golden = load_file(support.PACKAGE / "reference/vectors.safetensors")
    with torch.no_grad():
        got = towers.image.groups(golden["calls.0.inputs.pixels"])
    names = ("embedding", "tokens", "assignment_0", "assignment_1")
    for value, name in zip(got, names, strict=True):
        assert relative_difference(value, golden[f"calls.0.outputs.{name}"]) <= 1e-5
    assert package.manifest["family"] == "groupvit"
    assert package.manifest["provenance"]["weights"] == "checkpoint.pth"


@pytest.mark.parametrize("storage", ["f32", "f16"])
def test_a_checkpoint_becomes_a_package(tmp_path, file, storage):
    parts = groupvit.parts_of(load(file), "g", storage, "x", background=Background("sky", 0.35))
    write_package(tmp_path / "g.glint", parts)  # compares at batches 1, 3, 8 and other sizes
    manifest = Package(tmp_path / "g.glint").manifest
    image = manifest["towers"]["image"]["methods"]
    assert image["forward"]["inputs"][0]["shape"] == ["B", 3, "H", "W"]
    assert [p["shape"] for p in image["groups"]["outputs"]] == [
        ["B", 24], ["B", 5, 24], ["B", 12, "N"], ["B", 5, 12],
    ]  # fmt: skip
    assert {"encode_prefix", "forward_suffix"} <= manifest["towers"]["text"]["methods"].keys()
    assert manifest["logit"] == {"scale": pytest.approx(20.0855, abs=1e-4), "bias": 0.0}
    segment = manifest["tasks"]["segment"]
    assert segment["heads"][0]["parameters"] == {
        "short_side": 64, "long_side": 292, "crop_size": 64, "stride": 32, "top_classes": 5,
        "background": "sky", "background_threshold": 0.35, "patch": 4,
    }  # fmt: skip
    assert json.loads((tmp_path / "g.glint/templates-segment.json").read_text()) == [
        "a photo of a {}."
    ]
    classify = manifest["tasks"]["classify"]["heads"][0]
    assert classify["parameters"] == {"normalise_templates": False}
    assert manifest["preprocess"]["default"]["resize"] == 36
    assert manifest["preprocess"]["segment"]["size"] == [64, 64]


def test_without_a_text_tower(tmp_path, file):
    write_package(tmp_path / "g.glint", groupvit.parts_of(load(file), "g", "f32", "x", True))
    manifest = Package(tmp_path / "g.glint").manifest
    assert list(manifest["towers"]) == ["image"] and manifest["tokenizer"] is None
    assert all(t["heads"][0]["templates"] is None for t in manifest["tasks"].values())


def test_weights_alone_and_what_training_adds_are_read(edited, file):
    expected = load(file).image.state_dict()
    plain = load(edited(lambda content: content["model"]))
    for name, tensor in plain.image.state_dict().items():
        assert torch.equal(tensor, expected[name]), name

    def without_training(content):
        dropped = ("num_batches_tracked", "multi_label_logit_scale")
        state = content["model"]
        return {k: v.half() for k, v in state.items() if not k.endswith(dropped)}

    halved = load(edited(without_training))
    assert torch.equal(halved.image.group_token0, expected["group_token0"])


def test_the_scale_is_clamped_as_the_released_code_does(edited):
    def louder(content):
        content["model"]["logit_scale"] = torch.tensor(7.0)
        return content

    assert load(edited(louder)).logit_scale == 100.0


def changed(name, value):
    """The checkpoint with another tensor, or without one."""

    def change(content):
        if value is None:
            del content["model"][name]
        else:
            content["model"][name] = value
        return content

    return change


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("img_encoder.norm.weight", None, "img_encoder.norm.weight is missing"),
        ("img_encoder.pos_embed", None, "expected img_encoder.pos_embed of 3 dimensions in check"),
        ("img_encoder.pos_embed", torch.ones(1, 63, 32), "positions of a square grid"),
        ("img_encoder.norm.bias", torch.ones(7), r"norm.bias is \[7\], expected \[32\]"),
        ("img_encoder.norm.bias", torch.full([32], torch.nan), "values that are not finite"),
        ("head.weight", torch.ones(3), "head.weight is unexpected"),
        ("text_encoder.token_embedding.weight", torch.ones(9, 64), "765 token emb.*got 9 in"),
        ("logit_scale", None, "logit_scale is missing"),
        ("logit_scale", torch.tensor(-1000.0), "expected a finite logit_scale"),
        ("img_projector.linear_out.weight", torch.ones(24, 48), "of 3 dimensions .* got the shape"),
        ("epoch", 3, "only tensors in `model` of .*got epoch"),
    ],
)
def test_other_weights_are_refused(edited, name, value, message):
    with pytest.raises(ExportError, match=message):
        load(edited(changed(name, value)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"model": {}}, "expected an object `model`"),
        ([1, 2], "expected an object `model` in .*, got list"),
        ({"model": {"x": print}}, "print, which is no part"),
    ],
)
def test_other_files_are_refused(edited, content, message):
    with pytest.raises(ExportError, match=message):
        load(edited(lambda _: content))


def test_a_stage_too_few_is_refused(edited):
    def shorter(content):
        model = content["model"]
        for name in [n for n in model if n.startswith("img_encoder.layers.2.")]:
            del model[name]
        return content

    with pytest.raises(ExportError, match=r"blocks img_encoder.layers.2.blocks.N in .*, got 0"):
        load(edited(shorter))


def test_heads_must_divide(file):
    with pytest.raises(ExportError, match="heads that divide the image tower's width 32, got 5"):
        groupvit_checkpoint.load_source(file, 5, support.merges())


def test_a_folder_of_transformers_becomes_a_package(tmp_path, folder):
    assert main(["hf", "--folder", str(folder), "--out", str(tmp_path / "a.glint")]) == 0
    manifest = Package(tmp_path / "a.glint").manifest
    assert manifest["family"] == "groupvit" and "resize" not in manifest["preprocess"]["default"]
    assert manifest["provenance"]["architecture"] == "transformers GroupViTModel"
    assert manifest["tasks"]["segment"]["heads"][0]["type"] == "groupvit"
    parts = hf_groupvit.parts_of(folder, "a", "f16", "x", image_only=True)
    write_package(tmp_path / "b.glint", parts)


@pytest.mark.parametrize(
    ("part", "name", "value", "message"),
    [
        ("vision_config", "hidden_act", "relu", "hidden_act 'gelu', got 'relu' in vision_config"),
        ("vision_config", "assign_eps", 0.5, "assign_eps 1.0, got 0.5"),
        ("vision_config", "layer_norm_eps", 1e-6, "layer_norm_eps 1e-05, got 1e-06"),
        ("text_config", "hidden_act", "relu", "hidden_act quick_gelu or gelu, got 'relu'"),
        ("vision_config", "depths", [2, 2], "expected three depths"),
        ("vision_config", "num_group_tokens", [16, 4, 2], "num_group_tokens of two stages"),
        ("vision_config", "num_output_groups", [8, 4, 4], "begin with as many as"),
        ("vision_config", "image_size", [32, 40], "an integer image_size"),
        ("text_config", "eos_token_id", 7, "expected eos_token_id 813"),
        ("vision_config", "num_attention_heads", 5, "expected a GroupViTModel in"),
        ("vision_config", "hidden_size", 96, r"layernorm.bias is \[48\], expected \[96\]"),
    ],
)
def test_other_folders_are_refused(folder, part, name, value, message):
    config = json.loads((folder / "config.json").read_text())
    config[part][name] = value
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ExportError, match=message):
        hf_groupvit.load_source(folder)


def test_the_command_line(tmp_path, file, capsys):
    out = ["--out", str(tmp_path / "a.glint")]
    for wrong in (
        ["groupvit", "--random", "--background-threshold", "2"],
        ["groupvit", "--random", "3", "--heads", "4"],
        ["groupvit"],
    ):
        with pytest.raises(SystemExit) as stopped:
            main(wrong + out)
        assert stopped.value.code == 2
    assert main(["groupvit", "--checkpoint", str(file), *out]) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert message == (
        "error: expected 49408 token embeddings, the size of CLIP's vocabulary, got 765 in "
        "checkpoint.pth"
    )
    assert not (tmp_path / "a.glint").exists()
