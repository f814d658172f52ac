"""Importing LSeg: the released code's checkpoints, random weights, what is refused."""

import lseg_support as support
import pytest
import torch
from glint_export import ExportError, lseg, write_package
from glint_export.__main__ import main
from glint_export.closed_pickle import read_saved
from glint_export.lseg import BLOCK_FILE, Blocks
from glint_export.package import Package
from glint_export.verify import relative_difference
from safetensors.torch import load_file

# Of what pytorch-lightning writes beside the weights.
OWN = {"pytorch-lightning_version", "epoch", "global_step", "loops", "optimizer_states"}


@pytest.fixture
def file(tmp_path):
    return support.checkpoint(tmp_path, "vit32")


@pytest.fixture
def edited(file):
    """Saves the checkpoint again with what `change` makes of its state dict."""

    def edit(change):
        state = dict(read_saved(file, "a checkpoint")["state_dict"])
        torch.save({"state_dict": change(state)}, file)
        return file

    return edit


@pytest.mark.parametrize("name", support.PACKAGES)
def test_the_committed_packages_are_what_the_checkpoint_makes(tmp_path, name):
    package = Package(support.PACKAGES[name])
    assert sum(p.stat().st_size for p in package.folder.rglob("*") if p.is_file()) < 6e5
    image = support.load(support.checkpoint(tmp_path, "vit16")).image
    golden = load_file(package.folder / "reference/vectors.safetensors")
    with torch.no_grad():
        got = image(golden["calls.0.inputs.pixels"])
    assert relative_difference(got, golden["calls.0.outputs.map"]) <= 1e-5
    assert "image_embedding" not in golden and "logits" not in golden
    assert package.manifest["family"] == "lseg"


def test_the_checkpoint_is_pytorch_lightnings(file):
    content = read_saved(file, "a checkpoint")
    assert OWN <= content.keys()
    state = content["state_dict"]
    assert all(name.startswith("net.") for name in state)
    clip = [x.dtype for n, x in state.items() if n.startswith("net.clip_pretrained.")]
    assert set(clip) == {torch.float16}


@pytest.mark.parametrize("storage", ["f32", "f16"])
def test_a_checkpoint_becomes_a_package(tmp_path, file, storage):
    write_package(tmp_path / "a.glint", lseg.parts_of(support.load(file), "a", storage, "x"))
    package = Package(tmp_path / "a.glint")
    manifest = package.manifest
    forward = manifest["towers"]["image"]["methods"]["forward"]
    assert forward["inputs"][0]["shape"] == ["B", 3, "H", "W"]
    assert forward["outputs"] == [
        {"name": "map", "dtype": "f32", "shape": ["B", 16, "Y", "X"]}
    ]
    assert {"encode_prefix", "forward_suffix"} <= manifest["towers"]["text"]["methods"].keys()
    assert manifest["logit"] == {"scale": 1 / 0.07, "bias": 0.0}
    assert manifest["preprocess"]["default"]["size"] == [480, 480]
    assert manifest["preprocess"]["default"]["mean"] == [0.5, 0.5, 0.5]
    assert manifest["tasks"] == {
        "segment": {
            "preprocess": "default",
            "heads": [
                {
                    "type": "lseg",
                    "templates": None,
                    "tensors": None,
                    "parameters": {
                        "base_size": 520, "crop_size": 480, "stride": 320, "flip": True,
                        "scales": "0.5,0.75,1,1.25,1.5,1.75", "single_size": 480,
                        "size_multiple": 32, "pad": -1.0, "arch_option": 0, "block_depth": 0,
                        "activation": "lrelu",
                    },
                }
            ],
        }
    }  # fmt: skip
    assert "templates.json" not in manifest["files"]


def test_a_block_behind_the_logits_becomes_tensors(tmp_path):
    file = support.checkpoint(tmp_path, "vit16")
    source = support.load(file, Blocks(2, 3, "tanh"))
    write_package(tmp_path / "a.glint", lseg.parts_of(source, "a", "f32", "x"))
    package = Package(tmp_path / "a.glint")
    head = package.manifest["tasks"]["segment"]["heads"][0]
    assert head["tensors"] == BLOCK_FILE and head["parameters"]["arch_option"] == 2
    assert head["parameters"]["block_depth"] == 3 and head["parameters"]["activation"] == "tanh"
    block = load_file(package.folder / BLOCK_FILE)
    state = read_saved(file, "a checkpoint")["state_dict"]
    name = "net.scratch.head_block.depthwise.depthwise."
    assert torch.equal(block["block.weight"], state[name + "weight"])
    assert torch.equal(block["block.bias"], state[name + "bias"])


def test_a_resnet_has_imagenets_mean(tmp_path):
    source = support.load(support.checkpoint(tmp_path, "resnet"))
    parts = lseg.parts_of(source, "a", "f16", "x", image_only=True)
    write_package(tmp_path / "a.glint", parts)
    manifest = Package(tmp_path / "a.glint").manifest
    assert manifest["preprocess"]["default"]["mean"] == [0.485, 0.456, 0.406]
    assert manifest["tokenizer"] is None and list(manifest["towers"]) == ["image"]


def test_weights_alone_are_read_and_what_nothing_uses_may_be_absent(edited, file):
    expected = support.load(file).image.state_dict()
    unused = ("num_batches_tracked", "model.norm.weight", "model.norm.bias")

    def bare(state):
        state = {n.removeprefix("net."): x for n, x in state.items()}
        return {
            n: x
            for n, x in state.items()
            if not n.endswith(unused) and ".visual." not in n and "refinenet4.resConfUnit1" not in n
        }

    got = support.load(edited(bare)).image.state_dict()
    assert got.keys() == expected.keys()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in got.items())


def drop(name):
    return lambda state: {n: x for n, x in state.items() if n != name}


def put(name, tensor):
    return lambda state: state | {name: tensor}


VIT, SCRATCH = "net.pretrained.model.", "net.scratch."


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop(VIT + "pos_embed"), "a vision transformer.*or.*a ResNet.*got neither"),
        (drop(VIT + "blocks.1.attn.qkv.bias"), "blocks.1.attn.qkv.bias is missing"),
        (drop(SCRATCH + "head1.weight"), "expected scratch.head1.weight of 4 dimensions"),
        (drop("net.clip_pretrained.text_projection"), "text_projection is missing"),
        (put(SCRATCH + "extra", torch.ones(1)), "scratch.extra is unexpected"),
        (put(SCRATCH + "head1.bias", torch.ones(5)), r"head1.bias is \[5\], expected \[16\]"),
        (put(VIT + "cls_token", torch.full((1, 1, 24), torch.nan)), "cls_token has values that"),
        (put(VIT + "pos_embed", torch.ones(1, 8, 24)), "a square grid in vit32.ckpt, got 8"),
        (put(VIT + "patch_embed.proj.weight", torch.ones(24, 3, 14, 14)), "patches of 14"),
        (put(VIT + "blocks.4.norm1.weight", torch.ones(24)), "four equal parts"),
        (put(SCRATCH + "layer1_rn.weight", 7), "expected only tensors in `state_dict`"),
        (lambda state: {}, "expected an object `state_dict`"),
    ],
)
def test_other_checkpoints_are_refused(edited, change, message):
    with pytest.raises(ExportError, match=message):
        support.load(edited(change))


def test_all_differences_are_told_at_once(edited):
    def change(state):
        gone = (SCRATCH + "layer2_rn.weight", VIT + "blocks.3.mlp.fc2.bias")
        return {n: x for n, x in state.items() if n not in gone}

    message = r"blocks.3.mlp.fc2.bias is missing; .*layer2_rn.*missing"
    with pytest.raises(ExportError, match=message):
        support.load(edited(change))


def test_files_of_other_kinds_are_refused(tmp_path):
    file = tmp_path / "vit32.ckpt"
    with pytest.raises(ExportError, match="got no file"):
        support.load(file)
    file.write_bytes(b"no zip")
    with pytest.raises(ExportError, match="no whole zip archive"):
        support.load(file)
    whole = support.checkpoint(tmp_path, "vit32").read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ExportError, match="no whole zip archive"):
        support.load(file)


@pytest.mark.parametrize(
    ("name", "blocks", "message"),
    [
        ("vit16", Blocks(), "which is 1 or 2 with a block behind the logits in vit16.ckpt, got 0"),
        ("vit32", Blocks(1, 1), "which is 0 with no block behind the logits in vit32.ckpt, got 1"),
    ],
)
def test_the_arch_option_is_the_checkpoints(tmp_path, name, blocks, message):
    with pytest.raises(ExportError, match=message):
        support.load(support.checkpoint(tmp_path, name), blocks)


def test_the_command_line(tmp_path, file, capsys):
    out = ["--out", str(tmp_path / "a.glint")]
    for wrong in (
        ["lseg"],
        ["lseg", "--random"],
        ["lseg", "--random", "3", "--arch", "vit"],
        ["lseg", "--random", "3", "--arch", "clip_vitb32_384", "--heads", "4"],
        ["lseg", "--checkpoint", str(file), "--arch", "clip_vitb32_384"],
        ["lseg", "--checkpoint", str(file), "--arch-option", "3"],
        ["lseg", "--checkpoint", str(file), "--block-depth", "65"],
        ["lseg", "--checkpoint", str(file), "--templates", str(file)],
    ):
        with pytest.raises(SystemExit) as stopped:
            main(wrong + out)
        assert stopped.value.code == 2, wrong
    assert main(["lseg", "--checkpoint", str(file), *out]) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert message == (
        "error: expected 49408 token embeddings, the size of CLIP's vocabulary, got 765 in "
        "vit32.ckpt"
    )
    assert not (tmp_path / "a.glint").exists()


@pytest.mark.full
@pytest.mark.parametrize("storage", ["f32", "f16"])
def test_the_released_shape_of_random_weights_is_exported(tmp_path, storage):
    out = tmp_path / "a.glint"
    command = ["lseg", "--random", "3", "--arch", "clip_vitb32_384", "--arch-option", "1"]
    command += ["--block-depth", "2", "--storage", storage, "--out", str(out)]
    assert main(command) == 0
    parameters = Package(out).manifest["tasks"]["segment"]["heads"][0]["parameters"]
    assert parameters["arch_option"] == 1 and parameters["block_depth"] == 2
