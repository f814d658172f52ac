"""Checkpoints of OpenAI: archives that its own model class wrote, read without running them."""

import importlib.util
import lzma
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from glint_export import ExportError, clip, openai, write_package
from glint_export.package import Package
from glint_export.script_weights import is_script_archive, read_script_weights
from glint_export.verify import relative_difference
from safetensors.torch import load_file

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
NAMES = ["vit", "rn"]


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("make", GOLDEN / "make_openai_archives.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    folder = tmp_path_factory.mktemp("openai")
    for name in NAMES:
        data = lzma.decompress((GOLDEN / f"openai/{name}.pt.xz").read_bytes())
        (folder / f"{name}.pt").write_bytes(data)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_the_package_computes_what_openais_class_does(tmp_path, archives, script, name):
    parts = clip.parts_of(openai.load_source(archives / f"{name}.pt"), name, "f32", "MIT")
    write_package(tmp_path / "a.glint", parts)
    package = Package(tmp_path / "a.glint")
    assert package.manifest["activation"] == "quick_gelu"
    assert package.manifest["preprocess"]["default"]["size"] == [script.SIZES[name][1]] * 2
    assert package.manifest["provenance"]["weights"] == f"{name}.pt"
    expected = load_file(GOLDEN / "openai/expected.safetensors")
    with torch.no_grad():
        image = package.tower("image")(script.pixels(name))
        text = package.tower("text")(script.ids())
    # The reference computes in f32 from the same f16 weights, in another order.
    assert relative_difference(image, expected[f"{name}.image"]) <= 1e-5
    assert relative_difference(text, expected[f"{name}.text"]) <= 1e-5
    logits = parts.reference.logits(image, text)
    torch.testing.assert_close(logits, expected[f"{name}.logits"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_those_that_torch_loads(archives, name):
    path = archives / f"{name}.pt"
    expected = torch.jit.load(str(path), map_location="cpu").state_dict()
    got = read_script_weights(path)
    assert got.keys() == expected.keys()
    for key, value in expected.items():
        assert got[key].dtype == value.dtype and torch.equal(got[key], value), key


def test_a_plain_state_dict_gives_the_same_model(tmp_path, archives):
    expected = openai.load_source(archives / "rn.pt").model.state_dict()
    torch.save(read_script_weights(archives / "rn.pt"), tmp_path / "rn.pt")
    got = openai.load_source(tmp_path / "rn.pt").model.state_dict()
    assert got.keys() == expected.keys()
    assert all(torch.equal(got[key], value) for key, value in expected.items())


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("text_projection", None, "expected the tensor text_projection of OpenAI's CLIP, got none"),
        ("visual.proj", torch.zeros(3, 3), r"visual.proj is \[3, 3\], expected \[64, 16\]"),
        ("visual.positional_embedding", torch.zeros(7, 64), "square grid .* got 7"),
        ("visual.conv1.weight", torch.zeros(60, 3, 16, 16), "multiple of 64 channels .* got 60"),
        ("visual.conv1.weight", torch.zeros(64), r"4 dimensions .* got the shape \[64\]"),
        ("ln_final.bias", None, "ln_final.bias is missing"),
        ("extra", torch.zeros(1), "extra is unexpected"),
        ("transformer.resblocks.7.ln_1.bias", torch.zeros(64), "resblocks.2.* is missing"),
    ],
)
def test_other_tensors_are_named(tmp_path, archives, key, value, message):
    state = read_script_weights(archives / "vit.pt")
    if value is None:
        del state[key]
    else:
        state[key] = value
    torch.save(state, tmp_path / "vit.pt")
    with pytest.raises(ExportError, match=message):
        openai.load_source(tmp_path / "vit.pt")


def test_another_vocabulary_is_refused_but_for_the_image_tower(tmp_path, archives):
    state = read_script_weights(archives / "vit.pt")
    state["token_embedding.weight"] = state["token_embedding.weight"][:500]
    torch.save(state, tmp_path / "vit.pt")
    source = openai.load_source(tmp_path / "vit.pt")
    with pytest.raises(ExportError, match="expected 49408 token embeddings.* got 500"):
        clip.parts_of(source, "x", "f32", "MIT")
    assert clip.parts_of(source, "x", "f32", "MIT", image_only=True).text is None


class Evil:
    def __reduce__(self):
        return (print, ("code ran",))


def changed(source, target, name, data):
    """A copy of an archive with one record replaced."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for record in old.namelist():
            new.writestr(record, data if record.endswith(name) else old.read(record))


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("data.pkl", pickle.dumps({"a": Evil()}, 2), "print, which is no part"),
        ("data.pkl", pickle.dumps([1], 2), "got no weights"),
        ("data.pkl", b"", "Ran out of input"),
        ("data.pkl", b"\x80\x02}q\x00(X\xff\xff\xff\x7f", "expected a TorchScript archive"),
        ("data/0", b"\0" * 10, "10 bytes in storage 0"),
    ],
)
def test_hostile_archives_are_refused_without_running_code(
    tmp_path, archives, capsys, name, data, message
):
    changed(archives / "rn.pt", tmp_path / "bad.pt", name, data)
    with pytest.raises(ExportError, match=message):
        openai.load_source(tmp_path / "bad.pt")
    assert "code ran" not in capsys.readouterr().out


def test_a_tensor_beyond_its_storage_is_refused(tmp_path):
    class Bad(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("weight", torch.zeros(77))

        def forward(self, x):
            return x

    torch.jit.save(torch.jit.script(Bad()), tmp_path / "good.pt")
    with zipfile.ZipFile(tmp_path / "good.pt") as archive:
        name = next(n for n in archive.namelist() if n.endswith("/data.pkl"))
        data = archive.read(name)
    # The storage has 77 numbers; the size, a tuple of one byte, becomes 200.
    at = data.rindex(b"\x4d")
    longer = data[:at] + b"\xc8" + data[at + 1 :]
    changed(tmp_path / "good.pt", tmp_path / "bad.pt", "data.pkl", longer)
    assert read_script_weights(tmp_path / "good.pt")["weight"].shape == (77,)
    with pytest.raises(ExportError, match=r"a tensor \[200\] out of 77 numbers"):
        read_script_weights(tmp_path / "bad.pt")


def test_only_archives_with_code_count_as_torchscript(tmp_path, archives):
    torch.save({"a": torch.zeros(1)}, tmp_path / "state.pt")
    (tmp_path / "text.pt").write_text("hello")
    assert is_script_archive(archives / "vit.pt")
    assert not is_script_archive(tmp_path / "state.pt")
    assert not is_script_archive(tmp_path / "text.pt")
    with pytest.raises(ExportError, match="got no file"):
        openai.load_source(tmp_path / "none.pt")
