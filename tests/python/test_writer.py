"""write_package: all of a package or nothing, and nothing that fails its verification."""

import copy
import hashlib
import json

import pytest
import torch
from glint_export import ExportError, clip, write_package, writer
from glint_export.package import Package


def contents(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_written_package_lists_every_file_with_its_digest(tmp_path, tiny_parts):
    write_package(tmp_path / "a.glint", tiny_parts())
    files = contents(tmp_path / "a.glint")
    manifest = files.pop("glint.json")
    assert files.pop("glint.json.sha256").decode() == hashlib.sha256(manifest).hexdigest() + "\n"
    listed = json.loads(manifest)["files"]
    assert listed == {k: "sha256:" + hashlib.sha256(v).hexdigest() for k, v in files.items()}
    assert list(tmp_path.iterdir()) == [tmp_path / "a.glint"]


@pytest.mark.parametrize("storage", ["f32", "f16"])
def test_same_parts_give_the_same_bytes(tmp_path, tiny_parts, storage):
    write_package(tmp_path / "a.glint", tiny_parts(storage))
    write_package(tmp_path / "b.glint", tiny_parts(storage))
    assert contents(tmp_path / "a.glint") == contents(tmp_path / "b.glint")


def test_f16_storage_holds_half_the_bytes_and_loads_as_f32(tmp_path, tiny_parts):
    parts = tiny_parts("f16")
    write_package(tmp_path / "a.glint", parts)
    package = Package(tmp_path / "a.glint")
    stored = torch.jit.load(str(tmp_path / "a.glint/towers/text.pt"))
    assert {p.dtype for p in stored.parameters()} == {torch.float16}
    loaded = dict(package.tower("text").named_parameters())
    for name, weight in parts.text.named_parameters():
        assert torch.equal(loaded[name], weight), name


def test_no_archive_names_a_path_of_this_machine(tmp_path, tiny_parts):
    write_package(tmp_path / "a.glint", tiny_parts())
    here = str(writer.__file__).rsplit("/", 1)[0].encode()
    for path, data in contents(tmp_path / "a.glint").items():
        assert here not in data and str(tmp_path).encode() not in data, path


def break_weight(parts):
    next(parts.image.parameters()).data.mul_(1.001)


def break_eot(parts):
    parts.text.eot = 5


def break_scale_of_norm(parts):
    parts.text.ln_final.bias.data.add_(1e-3)


def break_shape(parts):
    parts.image.proj = torch.nn.Parameter(parts.image.proj[:, :-1].contiguous())


def break_values(parts):
    parts.text.ln_final.weight.data[0] = float("nan")


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (break_weight, "image tower at batch 1 within 1e-05 of the reference.*got 0.00"),
        (break_eot, "text tower at batch 1, length 77"),
        (break_scale_of_norm, "text tower at batch 1, length 77 within 1e-05"),
        (break_shape, r"float32 \[1, 24\] from the image tower at batch 1, got float32 \[1, 23\]"),
        (break_values, "finite in f32, got ln_final.weight as the text tower"),
    ],
)
def test_a_broken_tower_is_refused_and_nothing_is_written(tmp_path, tiny_parts, break_it, message):
    parts = tiny_parts()
    # The towers share the model's tensors; a broken copy leaves the reference right.
    parts.image, parts.text = copy.deepcopy(parts.image), copy.deepcopy(parts.text)
    break_it(parts)
    with pytest.raises(ExportError, match=message):
        write_package(tmp_path / "a.glint", parts)
    assert list(tmp_path.iterdir()) == []


def test_unrounded_weights_are_refused_with_f16_storage(tmp_path, tiny_parts):
    parts = tiny_parts("f32")
    parts.storage = "f16"
    with pytest.raises(ExportError, match="image tower at batch 1 within 1e-05"):
        write_package(tmp_path / "a.glint", parts)


def test_an_existing_package_stays_when_the_new_one_fails(tmp_path, tiny_parts, monkeypatch):
    write_package(tmp_path / "a.glint", tiny_parts())
    before = contents(tmp_path / "a.glint")

    def fail(*_):
        raise ExportError("stage")

    monkeypatch.setattr(writer, "verify", fail)
    with pytest.raises(ExportError, match="stage"):
        write_package(tmp_path / "a.glint", tiny_parts(seed=2), force=True)
    assert contents(tmp_path / "a.glint") == before
    assert list(tmp_path.iterdir()) == [tmp_path / "a.glint"]


def test_an_interrupt_while_renaming_keeps_the_old_package(tmp_path, tiny_parts, monkeypatch):
    write_package(tmp_path / "a.glint", tiny_parts())
    before = contents(tmp_path / "a.glint")
    rename = writer.os.rename

    def interrupted(source, target):
        if source.name == "new":
            raise KeyboardInterrupt
        rename(source, target)

    monkeypatch.setattr(writer.os, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_package(tmp_path / "a.glint", tiny_parts(seed=2), force=True)
    assert contents(tmp_path / "a.glint") == before
    assert list(tmp_path.iterdir()) == [tmp_path / "a.glint"]


def test_statistics_that_overflow_f16_are_refused(tmp_path, tiny_arch):
    source = clip.load_source("tiny-resnet", None)
    source.model.visual.layer4[0].bn2.running_var.fill_(1e6)
    parts = clip.parts_of(source, "tiny", "f16", "x")
    with pytest.raises(ExportError, match="in f16, got layer4.0.bn2.running_var as the image"):
        write_package(tmp_path / "a.glint", parts)


def test_an_existing_package_is_replaced_only_by_force(tmp_path, tiny_parts):
    write_package(tmp_path / "a.glint", tiny_parts())
    before = contents(tmp_path / "a.glint")
    with pytest.raises(ExportError, match="--force replaces it"):
        write_package(tmp_path / "a.glint", tiny_parts(seed=2))
    assert contents(tmp_path / "a.glint") == before
    write_package(tmp_path / "a.glint", tiny_parts(seed=2), force=True)
    assert contents(tmp_path / "a.glint") != before
    assert list(tmp_path.iterdir()) == [tmp_path / "a.glint"]


def test_force_does_not_replace_what_is_not_a_package(tmp_path, tiny_parts):
    (tmp_path / "a.glint").mkdir()
    (tmp_path / "a.glint/thesis.tex").write_text("mine")
    with pytest.raises(ExportError, match="expected a package to replace"):
        write_package(tmp_path / "a.glint", tiny_parts(), force=True)
    assert (tmp_path / "a.glint/thesis.tex").read_text() == "mine"


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("name", "Tiny", "as the name"),
        ("name", "a" * 65, "as the name"),
        ("licence", " ", "as the licence"),
        ("templates", [], "as the templates"),
        ("templates", ["a photo"], "as the template"),
        ("templates", ["{} and {}"], "as the template"),
        ("texts", [], "1 to 64 texts"),
        ("pictures", {"a.png": b"no picture"}, "picture that Pillow reads, got a.png"),
        ("storage", "bf16", "f32 or f16"),
    ],
)
def test_wrong_parts_are_refused(tmp_path, tiny_parts, attribute, value, message):
    parts = tiny_parts()
    setattr(parts, attribute, value)
    with pytest.raises(ExportError, match=message):
        write_package(tmp_path / "a.glint", parts)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", ["edit", "add", "remove", "link"])
def test_reading_refuses_a_package_whose_files_differ(tmp_path, tiny_parts, change):
    folder = tmp_path / "a.glint"
    write_package(folder, tiny_parts())
    if change == "edit":
        (folder / "templates.json").write_text("[]")
    elif change == "add":
        (folder / "towers/more.pt").write_text("")
    elif change == "remove":
        (folder / "templates.json").unlink()
    else:
        (folder / "link").symlink_to(folder / "templates.json")
    with pytest.raises(ExportError, match=r"templates\.json|towers/more\.pt|link"):
        Package(folder)
