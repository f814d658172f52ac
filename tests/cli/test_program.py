"""What every command does when all is well: answers, JSON shapes, golden results."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image, ImageOps
from program_support import PACKAGE, ROOT, seal
from safetensors.numpy import load_file

REFERENCE = load_file(PACKAGE / "reference" / "vectors.safetensors")
MANIFEST = json.loads((PACKAGE / "glint.json").read_text())
PICTURES = [str(PACKAGE / name) for name in MANIFEST["reference"]["images"]]
TEXTS = MANIFEST["reference"]["texts"]
COMMANDS = """bank bench classify embed evaluate inspect preprocess tokenize verify""".split()


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


# --help, --version


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_examples(glint, command):
    done = glint(command, "--help")
    assert done.code == 0 and done.err == ""
    assert f"Usage: glint {command}" in done.out
    assert "Examples:" in done.out and f"glint {command} " in done.out
    assert "--model" in done.out and "--threads" in done.out


def test_the_program_lists_its_commands(glint):
    done = glint("--help")
    assert done.code == 0
    assert all(command in done.out for command in COMMANDS)


def test_the_version_is_the_headers(glint):
    header = (ROOT / "include" / "glint" / "version.h").read_text()
    numbers = [line.split()[-1] for line in header.splitlines() if line.startswith("#define GLINT_")]
    assert glint("--version").out.splitlines()[0] == f"glint {'.'.join(numbers)}"


def test_the_version_names_the_libraries_it_runs_with(glint):
    pins = (ROOT / "scripts" / "requirements.txt").read_text().splitlines()
    torch = next(line.removeprefix("torch==") for line in pins if line.startswith("torch=="))
    lines = glint("--version").out.splitlines()[1:]
    assert lines[0].startswith(f"LibTorch {torch} (") and lines[0].endswith(" kernels)")
    names = [line.split()[0] for line in lines[1:]]
    assert names == ["libjpeg-turbo", "libpng", "libwebp", "libwebpdemux", "zlib"]
    lowered = glint("--version", env={"ATEN_CPU_CAPABILITY": "avx2"})
    assert lowered.out.splitlines()[1] == f"LibTorch {torch} (AVX2 kernels)"


# classify


def test_classify_json_has_the_documented_shape(tiny, three):
    done = tiny("classify", *three, "--labels", "cat, dog ,truck", "--json")
    assert (done.code, done.err) == (0, "")
    assert [answer["image"] for answer in done.json] == three
    for answer in done.json:
        assert list(answer) == ["image", "predictions"]
        scores = answer["predictions"]
        assert all(list(score) == ["label", "index", "probability", "logit"] for score in scores)
        assert {(score["label"], score["index"]) for score in scores} == {
            ("cat", 0),
            ("dog", 1),
            ("truck", 2),
        }
        assert sum(score["probability"] for score in scores) == pytest.approx(1, abs=1e-6)
        assert scores == sorted(scores, key=lambda score: -score["probability"])


def test_classify_agrees_with_the_reference(tiny):
    labels = ["a photo of a cat.", "two dogs", "ein Bär"]
    done = tiny("classify", PICTURES[0], "--labels", ",".join(labels), "--template", "{}", "--json")
    texts = tiny("tokenize", "a photo of a cat.").json
    assert texts == [REFERENCE["ids.0"].tolist()]
    first = next(p for p in done.json[0]["predictions"] if p["index"] == 0)
    assert first["logit"] == pytest.approx(float(REFERENCE["logits"][0, 0]), abs=1e-4)


def test_classify_prints_aligned_lines_without_bars_into_a_file(tiny, cat):
    done = tiny("classify", cat, "--labels", "cat,dog", "--top-k", "2")
    lines = done.out.splitlines()
    assert lines[0] == cat and len(lines) == 3
    assert all(line[8] == "%" and line[:2] == "  " for line in lines[1:])
    assert {line[11:] for line in lines[1:]} == {"cat", "dog"}


@pytest.mark.parametrize("given, listed", [(1, 1), (2, 2), (0, 7), (100, 7)])
def test_classify_lists_the_best_of_all(tiny, cat, given, listed):
    done = tiny("classify", cat, "--labels", "a,b,c,d,e,f,g", "--top-k", given, "--json")
    assert len(done.json[0]["predictions"]) == listed


def test_classify_lists_five_by_default(tiny, cat):
    done = tiny("classify", cat, "--labels", "a,b,c,d,e,f,g", "--json")
    assert len(done.json[0]["predictions"]) == 5


def test_a_label_file_may_have_a_mark_crlf_and_blank_lines(tiny, cat, tmp_path):
    file = tmp_path / "labels.txt"
    file.write_bytes("\ufeffcat\r\n\r\n  Bär \r\n   \r\ntruck".encode())
    done = tiny("classify", cat, "--labels-file", file, "--json")
    assert done.code == 0, done.err
    assert done.out == tiny("classify", cat, "--labels", "cat,Bär,truck", "--json").out


def test_templates_replace_the_packages_own(tiny, cat):
    def ask(*flags):
        return tiny("classify", cat, "--labels", "cat,dog", "--json", *flags).out

    own = ["--template", "a photo of a {}.", "--template", "a picture of the {}."]
    assert ask(*own) == ask()
    assert ask("--template", "{}") != ask()
    assert ask("--template", "[{}]") != ask("--template", "{}")


def test_a_package_may_bring_its_own_labels(glint, copy_package, cat):
    folder = copy_package()
    (folder / "classes.json").write_text('["cat", "dog"]')
    seal(folder)
    done = glint("classify", cat, "--model", folder, "--json")
    assert done.code == 0, done.err
    assert {score["label"] for score in done.json[0]["predictions"]} == {"cat", "dog"}


def test_classify_reads_a_picture_from_standard_input(tiny, cat):
    with open(cat, "rb") as file:
        done = tiny("classify", "-", "--labels", "cat,dog", "--json", input=file.read())
    named = tiny("classify", cat, "--labels", "cat,dog", "--json")
    assert done.json[0]["image"] == "-"
    assert done.json[0]["predictions"] == named.json[0]["predictions"]


def test_answers_do_not_depend_on_batches_or_threads(tiny, three):
    def logits(*flags):
        done = tiny("classify", *three, *PICTURES, "--labels", "cat,dog,ship", "--json", *flags)
        assert done.code == 0, done.err
        answers = [sorted(a["predictions"], key=lambda p: p["index"]) for a in done.json]
        return np.array([[score["logit"] for score in answer] for answer in answers])

    expected = logits()
    for flags in (["--batch-size", 1], ["--batch-size", 4], ["--threads", 1], ["--device", "cpu"]):
        assert logits(*flags) == pytest.approx(expected, abs=1e-4)


# embed, preprocess, tokenize


def test_embed_images_agrees_with_the_reference(tiny, tmp_path):
    out = tmp_path / "out.npy"
    done = tiny("embed", "--images", *PICTURES, "--output", out)
    assert (done.code, done.out, done.err) == (0, "", "")
    rows = np.load(out)
    assert rows.dtype == np.float32 and rows.flags.c_contiguous
    assert np.abs(rows - unit(REFERENCE["image_embedding"])).max() < 1e-5


def test_embed_takes_a_folder_sorted_by_name(tiny, three, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for path, name in zip(three, ["b.JPEG", "a.jpg", "c.png"]):
        shutil.copy(path, folder / name)
    (folder / "notes.txt").write_text("not a picture")
    tiny("embed", "--images", folder, "--output", "folder.npy")
    tiny("embed", "--images", three[1], three[0], three[2], "--output", "list.npy")
    assert np.array_equal(np.load(tmp_path / "folder.npy"), np.load(tmp_path / "list.npy"))


def test_embed_texts_agrees_with_the_reference(tiny, tmp_path):
    lines = "\n".join(TEXTS).encode()
    done = tiny("embed", "--texts", "-", "--output", "a.npy", input=lines)
    assert done.code == 0, done.err
    rows = np.load(tmp_path / "a.npy")
    assert np.abs(rows - unit(REFERENCE["text_embedding"])).max() < 1e-5
    (tmp_path / "texts.txt").write_bytes(lines.replace(b"\n", b"\r\n") + b"\r\n")
    tiny("embed", "--texts", "texts.txt", "--output", "b.npy", "--batch-size", 1)
    assert np.abs(rows - np.load(tmp_path / "b.npy")).max() < 1e-6


def test_embed_overwrites_and_follows_a_link(tiny, cat, tmp_path):
    (tmp_path / "real.npy").write_text("old")
    (tmp_path / "link.npy").symlink_to("real.npy")
    tiny("embed", "--images", cat, "--output", "link.npy")
    assert (tmp_path / "link.npy").is_symlink()
    assert np.load(tmp_path / "real.npy").shape == (1, MANIFEST["embed_dim"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.npy", "real.npy"]


def test_preprocess_equals_the_reference(tiny, tmp_path):
    for number, picture in enumerate(PICTURES):
        done = tiny("preprocess", picture, "--output", "pixels.npy")
        assert (done.code, done.out, done.err) == (0, "", "")
        pixels = np.load(tmp_path / "pixels.npy")
        assert pixels.dtype == np.float32
        assert np.array_equal(pixels, REFERENCE[f"pixels.{number}"])


def test_the_exif_orientation_is_applied_only_when_asked(tiny, cat, tmp_path):
    turned = Image.open(cat)
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.jpg", exif=exif)
    with Image.open(tmp_path / "turned.jpg") as picture:
        picture.convert("RGB").save(tmp_path / "ignored.png")
        ImageOps.exif_transpose(picture).convert("RGB").save(tmp_path / "applied.png")

    def pixels(*arguments):
        assert tiny("preprocess", *arguments, "--output", "out.npy").code == 0
        return np.load(tmp_path / "out.npy")

    assert np.array_equal(pixels("turned.jpg"), pixels("ignored.png"))
    assert np.array_equal(pixels("turned.jpg", "--exif", "ignore"), pixels("ignored.png"))
    assert np.array_equal(pixels("turned.jpg", "--exif", "apply"), pixels("applied.png"))


def test_tokenize_prints_an_array_a_line(tiny):
    expected = [REFERENCE[f"ids.{i}"].tolist() for i in range(len(TEXTS))]
    assert tiny("tokenize", *TEXTS).json == expected
    assert tiny("tokenize", "-", input="\n".join(TEXTS).encode()).json == expected
    assert tiny("tokenize", input="\n".join(TEXTS).encode()).json == expected


@pytest.mark.parametrize("text", ["[a, b]", "{}", "++", "classify", "a,b", "", "-", "%s\\n"])
def test_tokenize_takes_texts_as_they_are(tiny, text):
    given = tiny("tokenize", "x", text).json[1]
    from_line = tiny("tokenize", "-", input=b"x\n" + text.encode() + b"\n").json[1]
    assert given == from_line


def test_tokenize_takes_a_text_that_looks_like_a_flag(tiny):
    done = tiny("tokenize", "--", "--json")
    assert done.json == tiny("tokenize", "-", input=b"--json").json


# inspect, verify


def test_inspect_shows_the_package(glint, package):
    done = glint("inspect", package)
    digest = (PACKAGE / "glint.json.sha256").read_text().strip()
    assert done.code == 0 and done.err == ""
    for part in ["random-vit", "clip", digest, MANIFEST["licence"], "pixels f32 [B, 3, 32, 32]"]:
        assert part in done.out
    for part in ["embedding f32 [B, 24]", "tokenizer/bpe.txt.gz", "zero_shot", "random, seed 3"]:
        assert part in done.out


def test_inspect_json_is_one_object(glint, package):
    (shown,) = glint("inspect", package, "--json").json
    assert shown["name"] == "random-vit" and shown["family"] == "clip"
    assert shown["embed_dim"] == MANIFEST["embed_dim"]
    assert shown["towers"]["image"]["methods"] == MANIFEST["towers"]["image"]["methods"]
    for name in ["mean", "std"]:
        given = MANIFEST["preprocess"]["default"][name]
        assert np.array_equal(np.float32(shown["preprocess"]["default"][name]), np.float32(given))
    assert shown["bytes"] == sum(entry["bytes"] for entry in shown["files"].values())
    sealed = {name: "sha256:" + entry["sha256"] for name, entry in shown["files"].items()}
    assert sealed == MANIFEST["files"]


def test_inspect_shows_the_side_before_the_crop(glint, package):
    segmenter = ROOT / "tests" / "golden" / "packages" / "groupvit.glint"
    sizes = {"default": 36, "segment": None}
    (shown,) = glint("inspect", segmenter, "--json").json
    assert {name: one["resize"] for name, one in shown["preprocess"].items()} == sizes
    assert "default: 32 x 32, shortest side 36, bilinear" in glint("inspect", segmenter).out
    (shown,) = glint("inspect", package, "--json").json
    assert shown["preprocess"]["default"]["resize"] is None


def test_inspect_shows_the_graphs_before_and_after_the_passes(glint, package):
    (shown,) = glint("inspect", package, "--graph", "--json").json
    text = shown["towers"]["text"]
    assert text["compute"] == "f32" and "pack_linears" in text["passes"]
    forward = text["methods"]["forward"]
    assert forward["kinds_loaded"]["aten::linear"] == forward["kinds_executed"]["glint::linear"]
    assert "aten::linear" not in forward["kinds_executed"]
    for when in ("loaded", "executed"):
        assert sum(forward[f"kinds_{when}"].values()) == forward[f"nodes_{when}"]
    done = glint("inspect", package, "--graph", "--precision", "fast")
    assert "glint::linear" in done.out and "passes: freeze, inline, pack_linears" in done.out


def test_inspect_takes_the_package_as_a_flag_too(glint, package):
    assert glint("inspect", "--model", package).out == glint("inspect", package).out


def test_verify_passes_stage_by_stage(glint, package):
    done = glint("verify", package)
    assert (done.code, done.err) == (0, "")
    rows = [line.split() for line in done.out.splitlines()]
    stages = ["pixels", "ids", "image_embedding", "text_embedding", "logits"]
    assert [row[0] for row in rows] == ["stage", *stages]
    assert all(row[-1] == "ok" for row in rows[1:])
    (report,) = glint("verify", package, "--json").json
    assert report["passed"] and [stage["name"] for stage in report["stages"]] == stages
    for stage in report["stages"]:
        assert stage["difference"] <= stage["tolerance"]


@pytest.mark.parametrize("precision", ["fast", "compact"])
def test_verify_at_another_precision_measures_the_angle(glint, package, precision):
    (report,) = glint("verify", package, "--precision", precision, "--json").json
    assert report["passed"]
    measures = {stage["name"]: stage["measure"] for stage in report["stages"]}
    # A machine without such instructions computes exactly.
    assert measures["text_embedding"] in ("1 - cosine", "max abs / max")
    assert measures["pixels"] == "max abs"


@pytest.mark.parametrize("precision", ["fast", "compact"])
def test_classify_takes_a_precision(glint, package, cat, precision):
    arguments = ("classify", cat, "--labels", "cat,dog", "--model", package, "--json")
    (exact,), (other,) = glint(*arguments).json, glint(*arguments, "--precision", precision).json
    names = [[p["label"] for p in answer["predictions"]] for answer in (exact, other)]
    assert names[0] == names[1]


# which package


def test_the_bundled_package_answers_when_none_is_named(glint, copy_package, cat):
    folder = copy_package("tiny-clip.glint").parent
    done = glint("classify", cat, "--labels", "cat,dog", env={"GLINT_PACKAGE_PATH": folder})
    assert done.code == 0
    assert done.err == (
        "note: no --model given; using the bundled tiny-clip (small, trained on CIFAR-10)\n"
    )


def test_a_package_is_found_by_name(glint, copy_package):
    folder = copy_package("some.glint").parent
    env = {"GLINT_PACKAGE_PATH": f"/nowhere::{folder}"}
    assert glint("inspect", "some", env=env).code == 0
    assert glint("inspect", "some.glint", env=env).code == 0
    assert glint("inspect", "other", env=env).failed('"other"', str(folder))
