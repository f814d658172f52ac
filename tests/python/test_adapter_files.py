"""Files of adapters: which one is read, and what is refused without running it."""

import json
import re
import shutil

import numpy
import pytest
import torch
from adapter_support import CHECKPOINTS, Evil, about, base_folder, draw, import_case
from glint_export import ExportError
from glint_export.adapters import coop, dassl

WIDTH = 16  # of adapters.glint's text tower


def test_the_best_model_or_the_last_epoch_is_taken(tmp_path):
    for name in ("model.pth.tar-9", "model.pth.tar-10", "checkpoint", "model.pth.tar-11.old"):
        (tmp_path / name).write_text("")
    assert dassl._find(tmp_path, ()).name == "model.pth.tar-10"
    (tmp_path / "model-best.pth.tar").write_text("")
    assert dassl._find(tmp_path, ()).name == "model-best.pth.tar"
    assert dassl._find(tmp_path.parent, (tmp_path.name,)).name == "model-best.pth.tar"
    (tmp_path.parent / f"{tmp_path.name}-2").mkdir()
    with pytest.raises(ExportError, match="got both"):
        dassl._find(tmp_path.parent, (tmp_path.name, f"{tmp_path.name}-2"))


@pytest.mark.parametrize("content", ["text", "empty", "code", "list", "plain", "values"])
def test_what_is_no_checkpoint_is_refused_without_running_code(
    tmp_path, capsys, adapters, content
):
    path = tmp_path / "model.pth.tar-3"
    if content in ("text", "empty"):
        path.write_text("hello" if content == "text" else "")
    else:
        torch.save(
            {
                "code": {"state_dict": Evil(print, ("code ran",))},
                "list": [1],
                "plain": {"ctx": draw(4, WIDTH)},
                "values": {"state_dict": {"ctx": draw(4, WIDTH), "epoch": 1}},
            }[content],
            path,
        )
    message = r"expected (a checkpoint of Dassl|only tensors in the state_dict).*model\.pth\.tar-3"
    with pytest.raises(ExportError, match=message):
        coop.read(adapters, about(), path, "end")
    assert "code ran" not in capsys.readouterr().out


def test_the_form_before_torch_1_6_is_refused(tmp_path, adapters):
    path = tmp_path / "model.pth.tar-3"
    state = {"state_dict": {"ctx": draw(4, WIDTH)}}
    torch.save(state, path, _use_new_zipfile_serialization=False)
    with pytest.raises(ExportError, match="got: no whole zip archive, as torch 1.6 and later save"):
        coop.read(adapters, about(), path, "end")


@pytest.mark.parametrize("case", ["coop", "cocoop", "maple", "clip_adapter", "tip_adapter"])
def test_a_cut_file_is_refused_and_nothing_is_written(tmp_path, capsys, case):
    folder = tmp_path / "cut"
    shutil.copytree(CHECKPOINTS / case, folder)
    files = [f for f in folder.rglob("*") if f.name.endswith(".pt") or "model" in f.name]
    whole = {file: file.read_bytes() for file in files}
    for share in (0, 0.01, 0.5, 0.99):
        for file, data in whole.items():
            file.write_bytes(data[: int(share * len(data))])
        assert import_case(case, tmp_path / "a.glint", checkpoint=folder) == 1
        said = capsys.readouterr().err
        assert said.count("error:") == 1 and any(file.name in said for file in files)
        assert not list(tmp_path.glob("*glint*"))


def test_what_training_left_beside_the_weights_is_not_run(tmp_path, adapters, save):
    target = tmp_path / "written"
    make_file = (numpy.memmap, (str(target), "u1", "w+", 0, 1))
    assert make_file[0](*make_file[1]) is not None and target.exists()
    target.unlink()
    path = save({"ctx": draw(4, WIDTH)}, val_result=Evil(*make_file))
    assert coop.read(adapters, about(), path, "end").tensors
    assert not target.exists()


@pytest.mark.parametrize("name", ["nothing", "folder"])
def test_a_checkpoint_that_is_not_there_is_refused(tmp_path, adapters, name):
    (tmp_path / "folder").mkdir()
    message = "got no file" if name == "nothing" else r"or its folder prompt_learner, got none"
    with pytest.raises(ExportError, match=message):
        coop.read(adapters, about(), tmp_path / name, "end")


def test_nothing_is_written_for_a_wrong_checkpoint(tmp_path, capsys):
    path = CHECKPOINTS / "cocoop"
    assert import_case("coop", tmp_path / "a.glint", checkpoint=path) == 1
    error = capsys.readouterr().err
    assert "meta_net.linear1.weight is unexpected" in error and error.count("error:") == 1
    assert not list(tmp_path.glob("*glint*"))


@pytest.mark.parametrize("case", ["clip_adapter", "tip_adapter"])
@pytest.mark.parametrize(
    ("templates", "message"),
    [
        ([], "expected at least one template, got none"),
        (["{} {}"], "expected text with one \"{}\", got '{} {}'"),
        (["a {0}"], "expected text with one \"{}\", got 'a {0}'"),
        (["{name} {}"], None),  # a brace of another kind is a sign
    ],
)
def test_templates_have_one_place_for_the_name(tmp_path, capsys, case, templates, message):
    (tmp_path / "own.json").write_text(json.dumps(templates))
    done = import_case(case, tmp_path / "a.glint", "--templates", tmp_path / "own.json")
    assert done == (1 if message else 0)
    assert (message or "wrote") in capsys.readouterr().err
    assert (tmp_path / "a.glint").exists() == (message is None)


def test_a_damaged_base_is_refused(tmp_path, capsys):
    shutil.copytree(base_folder("adapters"), tmp_path / "base.glint")
    tower = tmp_path / "base.glint/towers/text.pt"
    data = bytearray(tower.read_bytes())
    data[len(data) // 2] ^= 1
    tower.write_bytes(data)
    for folder, message in (("base", "SHA-256 .* of towers/text.pt"), ("no", "a glint package")):
        more = ("--base", tmp_path / f"{folder}.glint")
        assert import_case("coop", tmp_path / "a.glint", *more) == 1
        assert re.search(f"error: expected {message}", capsys.readouterr().err)
    assert not (tmp_path / "a.glint").exists()


@pytest.mark.parametrize("content", ['{"a": 1}', "[1]", "[", "missing"])
def test_a_class_file_that_is_no_list_is_refused(tmp_path, capsys, content):
    if content != "missing":
        (tmp_path / "names.json").write_text(content)
    more = ("--classes", tmp_path / "names.json")
    assert import_case("coop", tmp_path / "a.glint", *more) == 1
    assert "names.json" in capsys.readouterr().err and not (tmp_path / "a.glint").exists()


def test_names_that_are_no_unicode_text_are_refused(tmp_path, capsys):
    import_case("coop", tmp_path / "a.glint")
    names = tmp_path / "names.json"
    names.write_text('["\\ud800", "b"]')
    assert import_case("coop", tmp_path / "b.glint", "--classes", names) == 1
    assert r"expected Unicode text as classes in" in capsys.readouterr().err
    assert not (tmp_path / "b.glint").exists()
