"""Each example runs, and says what the program says."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from program_support import PROGRAM, ROOT, environment

SOURCES = sorted(path.stem for path in (ROOT / "examples").glob("*.cpp"))


@pytest.fixture
def example():
    def run(name, *arguments):
        program = Path(PROGRAM).parent / f"example_{name}"
        return subprocess.run(
            [program, *arguments], capture_output=True, text=True, timeout=120, env=environment()
        )

    return run


def test_01_embed(example, package, cat, dog):
    done = example("01_embed", package, cat, cat, "a cat")
    assert done.returncode == 0, done.stderr
    assert "first and second picture  1.0000" in done.stdout
    assert example("01_embed", package, cat, dog, "a cat").stdout.count("\n") == 3


def test_02_zero_shot(example, tiny, package, cat):
    done = example("02_zero_shot", package, cat, "cat", "dog")
    lines = tiny("classify", cat, "--labels", "cat,dog").out.splitlines()[1:]
    assert done.stdout.splitlines() == [line[2:] for line in lines]


def test_03_parts(example, tiny, package, cat):
    done = example("03_parts", package, cat, "a photo of a cat")
    (ids,) = tiny("tokenize", "a photo of a cat").json
    assert done.stdout.splitlines()[2].split()[1:] == [str(i) for i in ids]


def test_04_threads(example, package, cat):
    done = example("04_threads", package, cat)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "4 of 4 threads got the numbers of a single call\n"


def test_06_own_head(example, package, cat):
    done = example("06_own_head", package, cat, "a cat", "an airplane")
    assert done.returncode == 0, done.stderr
    cat_line, airplane_line = done.stdout.splitlines()
    assert cat_line.endswith("%  a cat") and airplane_line.endswith("%  an airplane")
    assert float(cat_line.split("%")[0]) > 50 > float(airplane_line.split("%")[0])


@pytest.mark.parametrize(("task", "words"), [("cocoop", "prompts"), ("maple_2", "embeddings")])
def test_07_prompts(example, cat, task, words):
    prompts = ROOT / "tests" / "golden" / "packages" / "prompts.glint"
    done = example("07_prompts", prompts, task, cat, "cat", "stop sign (red)", "hen")
    assert done.returncode == 0, done.stderr
    one, two, three = done.stdout.splitlines()
    assert one == f"of 1 {words}: 100.00%  cat"
    assert two.startswith(f"of 2 {words}: ") and three.startswith(f"of 3 {words}: ")


def test_08_adapt(example, glint, package, three, tmp_path):
    for name, path in zip(("tabby_cat", "dog", "chelsea"), three):
        (tmp_path / "shots" / name).mkdir(parents=True)
        shutil.copy(path, tmp_path / "shots" / name)
    out = tmp_path / "adapted.glint"
    done = example("08_adapt", package, tmp_path / "shots", out, three[0])
    assert done.returncode == 0, done.stderr
    first, best, *_ = done.stdout.splitlines()
    assert first == f"3 pictures of 3 classes -> {out}"
    assert len(done.stdout.splitlines()) == 4
    found = {"GLINT_PACKAGE_PATH": Path(package).parent}
    (answer,) = glint("classify", three[0], "--model", out, "--json", env=found).json
    assert best == f"{100 * answer['predictions'][0]['probability']:6.2f}%  " + (
        answer["predictions"][0]["label"]
    )


def test_05_search(example, glint, package, three, tmp_path):
    done = example("05_search", package, tmp_path / "photos.gidx", "a cat", *three)
    assert done.returncode == 0, done.stderr
    ask = ["photos.gidx", "--text", "a cat", "--model", package, "--json"]
    (answer,) = glint("index", "search", *ask).json
    assert done.stdout.splitlines() == [
        f"{hit['score']:7.4f}  {three[hit['index']]}" for hit in answer["hits"]
    ]


def test_09_segment(example, tmp_path):
    golden = ROOT / "tests" / "golden"
    case = json.loads((golden / "groupvit.json").read_text())["cases"]["wide, whole"]
    picture = golden / "groupvit" / case["picture"]
    package = golden / "packages" / "groupvit.glint"
    done = example("09_segment", package, picture, tmp_path / "map.png", *case["labels"])
    assert done.returncode == 0, done.stderr
    answer = np.asarray(Image.open(tmp_path / "map.png"))
    official = np.array([[int(digit) for digit in row] for row in case["map"]])
    assert (answer == official).mean() >= 0.999
    assert done.stdout.splitlines() == [
        f"{100 * (answer == index).mean():6.2f}%  {label}"
        for index, label in enumerate(case["labels"])
    ]


@pytest.mark.parametrize("name", SOURCES)
def test_every_example_is_short_and_explains_its_use(example, name):
    text = (ROOT / "examples" / f"{name}.cpp").read_text()
    assert text.count("\n") < 60
    done = example(name)
    assert done.returncode == 2 and done.stderr.startswith("usage: ")


@pytest.mark.parametrize("name", SOURCES)
def test_every_example_reports_errors(example, name):
    usage = example(name).stderr.split()[2:]
    done = example(name, *["missing" for _ in usage])
    assert done.returncode == 1 and done.stderr.startswith("error: ")
