"""Bad input: one clear sentence on stderr, the right exit code, nothing half written."""

import os
import shutil
import struct
import zlib

import numpy as np
import pytest
from program_support import PACKAGE, seal
from safetensors.numpy import load_file, save_file

# Wrong usage: exit 2.

LATER = [
    ["detect", "a.png", "--labels", "x"],
    ["detect", "a.png", "--labels", "x"],
    ["serve"],
    ["embed", "--images", "a.png", "--output", "o.npy", "--shards", "2"],
    ["evaluate", "--folder", "d", "--coco", "f"],
]
USAGE = [
    [],
    ["frobnicate"],
    ["--frobnicate"],
    ["classify"],
    ["classify", "a.png", "--frobnicate"],
    ["classify", "a.png", "--labels", "x", "--labels-file", "f"],
    ["classify", "a.png", "--labels"],
    ["classify", "a.png", "--labels", "x", "--top-k", "-1"],
    ["classify", "a.png", "--labels", "x", "--top-k", "many"],
    ["classify", "a.png", "--labels", "x", "--batch-size", "0"],
    ["classify", "a.png", "--labels", "x", "--batch-size", "99999999999999999999"],
    ["classify", "a.png", "--labels", "x", "--threads", "-1"],
    ["classify", "a.png", "--labels", "x", "--exif", "perhaps"],
    ["classify", "a.png", "--labels", "x", "--device", "tpu"],
    ["embed", "--output", "o.npy"],
    ["embed", "--images", "a.png"],
    ["embed", "--images", "a.png", "--texts", "-", "--output", "o.npy"],
    ["bank"],
    ["bank", "--labels", "x"],
    ["classify", "a.png", "--labels", "x", "--bank", "b"],
    ["preprocess", "a.png"],
    ["preprocess", "--output", "o.npy"],
    ["preprocess", "a.png", "b.png", "--output", "o.npy"],
    ["evaluate"],
    ["inspect", "a", "b"],
]


@pytest.mark.parametrize("arguments", LATER + USAGE, ids=" ".join)
def test_wrong_usage_is_exit_2(glint, arguments, tmp_path):
    assert glint(*arguments).failed("; see glint ", "--help", code=2)
    assert os.listdir(tmp_path) == []


# Packages.


def test_a_missing_package(glint, cat):
    assert glint("classify", cat, "--labels", "a", "--model", "no/such.glint").failed("no/such")
    assert glint("classify", cat, "--labels", "a", "--model", "nothing").failed('"nothing"')


def test_a_folder_that_is_no_package(glint, tmp_path):
    assert glint("inspect", tmp_path).failed("glint.json")


def test_a_wrong_digest(glint, copy_package):
    folder = copy_package()
    tower = bytearray((folder / "towers" / "image.pt").read_bytes())
    tower[len(tower) // 2] ^= 1
    (folder / "towers" / "image.pt").write_bytes(tower)
    for command in ["inspect", "verify"]:
        assert glint(command, folder).failed("towers/image.pt")


def test_a_changed_manifest(glint, copy_package):
    folder = copy_package()
    text = (folder / "glint.json").read_text()
    (folder / "glint.json").write_text(text.replace("random-vit", "other-vit"))
    assert glint("inspect", folder).failed("glint.json")


def test_an_unlisted_file(glint, copy_package):
    folder = copy_package()
    (folder / "extra.txt").write_text("surprise")
    assert glint("inspect", folder).failed("extra.txt")


def test_a_missing_file(glint, copy_package):
    folder = copy_package()
    (folder / "templates.json").unlink()
    assert glint("inspect", folder).failed("templates.json")


@pytest.mark.parametrize("kept", [0, 100, 0.5, -1])
def test_a_truncated_torchscript_file(glint, copy_package, kept):
    folder = copy_package()
    path = folder / "towers" / "text.pt"
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept) if isinstance(kept, float) else kept])
    seal(folder)
    assert glint("verify", folder).failed("text")


def test_a_package_for_nobody_else(glint, copy_package):
    folder = copy_package()
    text = (folder / "glint.json").read_text()
    (folder / "glint.json").write_text(text.replace('"format_version": 1', '"format_version": 99'))
    seal(folder)
    assert glint("inspect", folder).failed("99")


def test_a_device_that_is_not_here(tiny, cat):
    assert tiny("classify", cat, "--labels", "a", "--device", "cuda:99").failed("cuda:99")


@pytest.mark.parametrize("tensor", ["pixels.1", "ids.0", "image_embedding", "logits"])
def test_verify_names_the_first_stage_that_differs(glint, copy_package, tensor):
    folder = copy_package()
    file = folder / "reference" / "vectors.safetensors"
    tensors = load_file(file)
    tensors[tensor] = tensors[tensor].copy()
    tensors[tensor].flat[1] += 1
    save_file(tensors, file)
    seal(folder)
    done = glint("verify", folder)
    stage = tensor.split(".")[0]
    assert done.code == 1
    assert f"error: the first stage that differs is {stage}: expected" in done.err
    (row,) = [line for line in done.out.splitlines() if line.startswith(f"{stage} ")]
    assert row.endswith("DIFFERS")
    (report,) = glint("verify", folder, "--json").json
    failed = [entry["name"] for entry in report["stages"] if not entry["passed"]]
    assert not report["passed"] and failed[0] == stage


# Pictures.


def png_header(width, height):
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk


@pytest.fixture
def bad_pictures(tmp_path, cat):
    with open(cat, "rb") as file:
        jpeg = file.read()
    contents = {
        "empty.png": b"",
        "text.jpg": b"this is no picture\n",
        "truncated.jpg": jpeg[: len(jpeg) // 2],
        "huge.png": png_header(60000, 60000),
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "folder.png").mkdir()
    return [*contents, "folder.png", "missing.png"]


def test_each_bad_picture_is_refused_by_name(tiny, bad_pictures, tmp_path):
    for name in bad_pictures:
        assert tiny("classify", name, "--labels", "a,b", "--json").failed(name)
        assert tiny("preprocess", name, "--output", "out.npy").failed(name)
        assert not (tmp_path / "out.npy").exists()


@pytest.mark.parametrize("batch", [1, 2, 32])
def test_one_bad_picture_among_many_spares_the_others(tiny, bad_pictures, cat, dog, batch):
    for name in bad_pictures:
        done = tiny(
            "classify", cat, name, dog, "--labels", "a,b", "--json", "--batch-size", batch
        )
        assert done.code == 1
        assert [answer["image"] for answer in done.json] == [cat, dog]
        assert done.err.count("error: ") == 1 and name in done.err


def test_embed_marks_the_row_of_a_bad_picture(tiny, bad_pictures, cat, dog, tmp_path):
    done = tiny("embed", "--images", cat, "text.jpg", dog, "--output", "out.npy")
    assert done.code == 1 and "text.jpg" in done.err
    rows = np.load(tmp_path / "out.npy")
    assert np.isnan(rows[1]).all() and np.isfinite(rows[[0, 2]]).all()


def test_embed_writes_nothing_when_no_picture_can_be_read(tiny, bad_pictures, tmp_path):
    done = tiny("embed", "--images", "text.jpg", "empty.png", "--output", "out.npy")
    assert done.code == 1 and "wrote nothing" in done.err
    assert not (tmp_path / "out.npy").exists()


def test_a_folder_without_pictures(tiny, tmp_path):
    (tmp_path / "empty").mkdir()
    assert tiny("embed", "--images", "empty", "--output", "out.npy").failed("empty")


def test_bad_bytes_on_standard_input(tiny):
    assert tiny("classify", "-", "--labels", "a", input=b"nothing").failed("standard input")


# Labels and texts.


@pytest.mark.parametrize(
    "labels, part",
    [
        ("", "label 1 of --labels is empty"),
        (" ", "label 1"),
        ("cat,,dog", "label 2 of --labels is empty"),
        ("cat,dog,", "label 3"),
        ("cat, dog ,cat", 'got "cat" as label 1 of --labels and as label 3'),
    ],
)
def test_labels_that_are_empty_or_repeated(tiny, cat, labels, part):
    assert tiny("classify", cat, "--labels", labels).failed(part)


@pytest.mark.parametrize(
    "data, part",
    [
        (b"", "one label a line"),
        (b"\r\n \n\xef\xbb\xbf"[:4], "one label a line"),
        (b"cat\n\ndog\ncat\n", 'got "cat" as line 1'),
        (b"cat\ndog\nb\xe4r\n", "line 3"),
        ("cat\n".encode("utf-16"), "line 1"),
        (b"ok\n\xed\xa0\x80\n", "line 2"),
        (b"ok\n\xc0\xaf", "line 2"),
        (b"\xf5\x80\x80\x80", "line 1"),
        (b"ok\ncut \xf0\x9f\x90", "line 2"),
    ],
)
def test_label_files_that_are_no_list_of_labels(tiny, cat, tmp_path, data, part):
    (tmp_path / "labels.txt").write_bytes(data)
    assert tiny("classify", cat, "--labels-file", "labels.txt").failed(part, "labels.txt")


def test_a_label_file_that_is_not_there(tiny, cat, tmp_path):
    assert tiny("classify", cat, "--labels-file", "none.txt").failed("no such file", "none.txt")
    assert tiny("classify", cat, "--labels-file", tmp_path).failed("directory")


def test_a_package_without_labels_says_what_to_pass(tiny, cat):
    assert tiny("classify", cat).failed("--labels", "--labels-file")


@pytest.mark.parametrize("template", ["no slot", "{} and {}", ""])
def test_a_template_has_one_slot(tiny, cat, template):
    assert tiny("classify", cat, "--labels", "a", "--template", template).failed("{}")


def test_texts_that_are_not_utf8(tiny, tmp_path):
    assert tiny("tokenize", "-", input=b"fine\n\xff\n").failed("line 2 of standard input")
    assert tiny("tokenize", b"\xff".decode(errors="surrogateescape")).failed("UTF-8")
    done = tiny("embed", "--texts", "-", "--output", "out.npy", input=b"\xff")
    assert done.failed("line 1") and not (tmp_path / "out.npy").exists()


def test_no_texts(tiny):
    assert tiny("embed", "--texts", "-", "--output", "out.npy").failed("standard input")


# Outputs.


@pytest.mark.parametrize("output", ["none/out.npy", ".", "/dev/null"])
def test_an_output_that_cannot_become_a_file(tiny, cat, output):
    assert tiny("embed", "--images", cat, "--output", output).failed(output)
    assert tiny("preprocess", cat, "--output", output).failed(output)
    assert not os.path.isfile("/dev/null")


def test_a_failing_command_leaves_the_old_output(tiny, bad_pictures, tmp_path):
    (tmp_path / "out.npy").write_text("old")
    tiny("preprocess", "truncated.jpg", "--output", "out.npy")
    tiny("embed", "--images", "truncated.jpg", "--output", "out.npy")
    assert (tmp_path / "out.npy").read_text() == "old"


def test_the_golden_package_is_untouched():
    assert not list(PACKAGE.rglob("*.npy"))


def test_verify_never_passes_a_number_that_is_none(glint, package, tmp_path):
    """A NaN in front of good numbers, which a running maximum would forget."""
    changed = tmp_path / "nan.glint"
    shutil.copytree(package, changed)
    vectors = changed / "reference" / "vectors.safetensors"
    tensors = load_file(vectors)
    tensors["image_embedding"][0, 0] = float("nan")
    save_file(tensors, vectors)
    seal(changed)
    result = glint("verify", changed)
    assert result.code == 1
    assert "image_embedding" in result.err
