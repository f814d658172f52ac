"""Scripted towers: what the archive may and may not hold."""

import re
import struct
import zipfile

import pytest
import torch
from glint_export.script import load_scripted, save_scripted
from glint_export.towers import (
    ConvImageEncoder,
    ModifiedResNet,
    ResnetConfig,
    TextConfig,
    TextTransformer,
    VisionTransformer,
    VitConfig,
)

VIT = VitConfig(32, 8, 32, 2, 2, 64, 24, quick_gelu=True)
RESNET = ResnetConfig(64, 8, (1, 2, 1, 1), heads=4, embed_dim=24)
TEXT = TextConfig(50, 12, 16, 2, 2, 32, 24, quick_gelu=False, eot=49)


def image_inputs(batch):
    return (torch.randn(batch, 3, 32, 32),)


def larger_image_inputs(batch):
    return (torch.randn(batch, 3, 64, 64),)


def text_inputs(batch):
    ids = torch.randint(0, 48, (batch, 9))
    ids[:, -1] = 49
    return (ids,)


TOWERS = {
    "vit": (lambda: VisionTransformer(VIT), image_inputs),
    "resnet": (lambda: ModifiedResNet(RESNET), larger_image_inputs),
    "text": (lambda: TextTransformer(TEXT), text_inputs),
    "conv": (lambda: ConvImageEncoder(24, (16, 32, 32), 24), image_inputs),
}


@pytest.fixture(params=TOWERS)
def tower(request):
    torch.manual_seed(0)
    make, inputs = TOWERS[request.param]
    return make().eval(), inputs


def test_archive_runs_as_the_tower_does(tmp_path, tower):
    module, inputs = tower
    save_scripted(module, "f32", tmp_path / "a.pt")
    again = load_scripted(tmp_path / "a.pt")
    for batch in (1, 3):
        x = inputs(batch)
        with torch.no_grad():
            torch.testing.assert_close(again(*x), module(*x), rtol=0, atol=1e-6)


def test_saving_leaves_the_tower_alone(tmp_path, tower):
    module, _ = tower
    save_scripted(module, "f16", tmp_path / "a.pt")
    assert {p.dtype for p in module.parameters()} == {torch.float32}
    assert all(p.requires_grad for p in module.parameters())


def test_archive_moves_to_another_dtype(tmp_path, tower):
    module, inputs = tower
    save_scripted(module, "f32", tmp_path / "a.pt")
    moved = load_scripted(tmp_path / "a.pt").to(torch.bfloat16)
    x = [t.bfloat16() if t.is_floating_point() else t for t in inputs(2)]
    with torch.no_grad():
        out = moved(*x)
        assert out.dtype == torch.bfloat16
        assert (
            torch.nn.functional.cosine_similarity(
                out.float(), module(*(t.float() if t.is_floating_point() else t for t in x))
            ).min()
            > 0.99
        )


def test_archive_runs_on_the_meta_device(tmp_path, tower):
    # A device constant in the code would mix two devices here, as it would on a GPU.
    module, inputs = tower
    save_scripted(module, "f32", tmp_path / "a.pt")
    moved = torch.jit.load(str(tmp_path / "a.pt"), map_location="meta")
    assert moved(*(t.to("meta") for t in inputs(2))).device.type == "meta"


def test_code_names_no_device_and_no_dtype(tmp_path, tower):
    save_scripted(tower[0], "f32", tmp_path / "a.pt")
    with zipfile.ZipFile(tmp_path / "a.pt") as archive:
        code = {n: archive.read(n).decode() for n in archive.namelist() if n.endswith(".py")}
    for name, text in code.items():
        assert not re.search(r"\bdevice\b|\bdtype\b|torch\.device|\bcuda\b|\bcpu\b", text), name


def test_archive_has_no_paths_no_dates_no_compression(tmp_path, tower):
    save_scripted(tower[0], "f32", tmp_path / "a.pt")
    with zipfile.ZipFile(tmp_path / "a.pt") as archive:
        for entry in archive.infolist():
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert entry.compress_type == zipfile.ZIP_STORED
            assert not entry.filename.endswith(("debug_pkl", "serialization_id"))
        names = "".join(archive.read(n).decode() for n in archive.namelist() if n.endswith(".py"))
    assert __file__.rsplit("/", 2)[0] not in names


def test_every_record_begins_at_a_multiple_of_64(tmp_path, tower):
    save_scripted(tower[0], "f32", tmp_path / "a.pt")
    data = (tmp_path / "a.pt").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.pt") as archive:
        for entry in archive.infolist():
            lengths = data[entry.header_offset + 26 : entry.header_offset + 30]
            name, extra = struct.unpack("<HH", lengths)
            start = entry.header_offset + 30 + name + extra
            assert start % 64 == 0, entry.filename
            assert data[start : start + entry.file_size] == archive.read(entry)


@pytest.mark.parametrize("length", [2, 5, 12])
def test_text_tower_gives_one_embedding_at_any_length(length):
    torch.manual_seed(0)
    tower = TextTransformer(TEXT).eval()
    ids = torch.tensor([[48, 49]])
    longer = torch.zeros(1, length, dtype=torch.int64)
    longer[0, :2] = ids[0]
    with torch.no_grad():
        torch.testing.assert_close(tower(longer), tower(ids), rtol=0, atol=1e-6)


def test_text_tower_pools_the_first_end_token():
    torch.manual_seed(0)
    tower = TextTransformer(TEXT).eval()
    with torch.no_grad():
        got = tower(torch.tensor([[48, 3, 49, 7, 49]]))
        torch.testing.assert_close(got, tower(torch.tensor([[48, 3, 49]])), rtol=0, atol=1e-6)
