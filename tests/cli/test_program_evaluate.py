"""glint evaluate: accuracy on folders of labelled images."""

import shutil

import pytest


@pytest.fixture
def folder(three, tmp_path):
    """Three classes of three pictures each; beside them what evaluate must not look at."""
    top = tmp_path / "data"
    for name in ["sea_lion", "ant", "tabby_cat"]:
        (top / name).mkdir(parents=True)
        for number, path in enumerate(three):
            shutil.copy(path, top / name / f"{number}{path[path.rindex('.'):]}")
        (top / name / "readme.txt").write_text("not a picture")
    (top / ".hidden").mkdir()
    (top / "list.txt").write_text("not a folder")
    return top


def expected_counts(tiny, folder, truth_of):
    """The same from the answers of glint classify."""
    labels = ["ant", "sea lion", "tabby cat"]
    paths = sorted(str(p) for p in folder.glob("*/*.*") if p.suffix != ".txt")
    done = tiny("classify", *paths, "--labels", ",".join(labels), "--json")
    best = [answer["predictions"][0]["label"] for answer in done.json]
    return sum(truth_of(path) == label for path, label in zip(paths, best)) / len(paths)


def test_evaluate_counts_as_classify_answers(tiny, folder):
    done = tiny("evaluate", "--folder", folder, "--json")
    assert (done.code, done.err) == (0, "")
    (result,) = done.json
    assert list(result) == ["images", "top1", "top5"]
    top1 = expected_counts(tiny, folder, lambda p: p.split("/")[-2].replace("_", " "))
    assert result == {"images": 9, "top1": top1, "top5": 1.0}


def test_evaluate_prints_percentages(tiny, folder):
    top1 = tiny("evaluate", "--folder", folder, "--json").json[0]["top1"]
    lines = tiny("evaluate", "--folder", folder).out.splitlines()
    assert lines == ["images  9", f"top-1   {100 * top1:.2f}%", "top-5   100.00%"]


def test_evaluate_does_not_depend_on_batches(tiny, folder):
    results = {
        tiny("evaluate", "--folder", folder, "--json", *flags).out
        for flags in ([], ["--batch-size", 1], ["--batch-size", 4], ["--threads", 1])
    }
    assert len(results) == 1


def test_evaluate_takes_templates(tiny, folder):
    done = tiny("evaluate", "--folder", folder, "--template", "{}", "--template", "a {}", "--json")
    assert done.code == 0 and done.json[0]["images"] == 9


def test_a_picture_that_cannot_be_read_is_reported_and_not_counted(tiny, folder):
    (folder / "ant" / "bad.png").write_text("no picture")
    done = tiny("evaluate", "--folder", folder, "--json")
    assert done.code == 1
    assert done.json[0]["images"] == 9
    error, note = done.err.splitlines()
    assert error.startswith("error: ") and "bad.png" in error
    assert note == "note: 1 image is not counted"


def test_a_folder_without_pictures_is_an_error(tiny, tmp_path):
    top = tmp_path / "empty"
    top.mkdir()
    assert tiny("evaluate", "--folder", top).failed("0 folders")
    (top / "cat").mkdir()
    assert tiny("evaluate", "--folder", top).failed("1 folder and no image")
    assert tiny("evaluate", "--folder", tmp_path / "missing").failed("expected a folder")


def test_two_folders_of_one_label_are_an_error(tiny, folder):
    shutil.copytree(folder / "sea_lion", folder / "sea lion")
    assert tiny("evaluate", "--folder", folder, "--json").failed("sea lion")


def test_only_bad_pictures_are_an_error(tiny, tmp_path):
    (tmp_path / "data" / "cat").mkdir(parents=True)
    (tmp_path / "data" / "cat" / "bad.jpg").write_bytes(b"")
    done = tiny("evaluate", "--folder", tmp_path / "data", "--json")
    assert done.code == 1 and done.out == ""
    assert "none of the images" in done.err.splitlines()[-1]
