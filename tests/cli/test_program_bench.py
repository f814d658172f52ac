"""glint bench: the fields of its answers, figures that agree with each other, wrong usage."""

import pytest

WORKS = ["encode-image", "encode-text", "classify", "preprocess", "tokenize", "search", "load"]
FIELDS = ["what", "median_ms", "min_ms", "items_per_s", "threads", "precision", "device"]
ON_ONE_THREAD = {"preprocess", "tokenize"}


@pytest.fixture
def bench(tiny):
    return lambda *arguments, **options: tiny("bench", *arguments, "--rounds", "3", **options)


def test_all_works_answer_one_object_a_line(bench):
    done = bench("all", "--json")
    assert (done.code, done.err) == (0, "")
    assert [answer["what"] for answer in done.json] == WORKS
    for answer in done.json:
        assert list(answer) == FIELDS
        assert 0 < answer["min_ms"] <= answer["median_ms"]
        assert answer["items_per_s"] == pytest.approx(1e3 / answer["median_ms"])
        assert answer["threads"] >= 1
        assert (answer["precision"], answer["device"]) == ("exact", "cpu")


@pytest.mark.parametrize("work", WORKS)
def test_a_work_counts_its_items_and_threads(bench, work):
    (answer,) = bench(work, "--batch-size", "4", "--threads", "1", "--json").json
    items = 1 if work == "load" else 4
    assert answer["what"] == work
    assert answer["items_per_s"] == pytest.approx(items * 1e3 / answer["median_ms"])
    assert answer["threads"] == 1


def test_threads_are_those_asked_for_where_they_are_used(bench):
    for answer in bench("all", "--threads", "3", "--json").json:
        assert answer["threads"] == (1 if answer["what"] in ON_ONE_THREAD else 3)


def test_more_work_takes_longer(bench):
    (one,) = bench("preprocess", "--json").json
    (many,) = bench("preprocess", "--batch-size", "32", "--json").json
    assert many["min_ms"] > 4 * one["min_ms"]


def test_the_table_is_aligned(bench):
    done = bench("all")
    assert (done.code, done.err) == (0, "")
    header, *lines = done.out.splitlines()
    assert [line.split()[0] for line in lines] == WORKS
    assert {len(line) for line in [header, *lines]} == {len(header)}
    assert all(line.endswith(" cpu") for line in lines)
    for line in lines:
        _, items, median, least, p10, dash, p90, *_ = line.split()
        assert items == "1" and dash == "-"
        assert float(least) <= float(p10) <= float(median) <= float(p90)


SHAPE_FIELDS = ["what", "tower", "batch", "ids", "cold", "first_ms", "next_ms", "ratio"]
SHAPE_FIELDS += ["threads", "precision", "device"]


def test_new_shapes_are_batches_of_pictures_and_lengths_of_texts(bench):
    done = bench("new-shape", "--json", "--threads", "1")
    assert (done.code, done.err) == (0, "")
    assert all(list(answer) == SHAPE_FIELDS for answer in done.json)
    shapes = [(answer["tower"], answer["batch"], answer["ids"]) for answer in done.json]
    images = [("image", batch, None) for batch in (1, 2, 3, 5, 8)]
    assert shapes == [*images, *(("text", 1, length) for length in range(5, 21))]
    assert [shapes[i] for i, answer in enumerate(done.json) if answer["cold"]] == [
        ("image", 1, None),
        ("text", 1, 5),
    ]
    for answer in done.json:
        assert answer["ratio"] == pytest.approx(answer["first_ms"] / answer["next_ms"])
        assert (answer["threads"], answer["precision"], answer["device"]) == (1, "exact", "cpu")


def test_the_worst_new_shape_is_said_last(bench):
    done = bench("new-shape", "--batch-size", "4")
    assert (done.code, done.err) == (0, "")
    header, *lines, last = done.out.splitlines()
    assert {len(line) for line in [header, *lines, last]} == {len(header)}
    assert lines[1].startswith("2 images  ") and lines[-1].startswith("4 texts of 20 ids  ")
    warm = {line.split("  ")[0]: line.split() for line in lines if " warm " in line}
    worst = max(float(cells[-4]) for cells in warm.values())
    name = last.split("  ")[0].removeprefix("worst: ")
    assert last.split()[-6:] == warm[name][-6:]
    assert float(warm[name][-4]) == worst


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["everything"],
        ["load", "tokenize"],
        ["load", "--rounds", "0"],
        ["new-shape", "--rounds", "0"],
        ["load", "--rounds", "many"],
        ["load", "--batch-size", "0"],
        ["load", "--threads", "-1"],
        ["load", "--no-such-flag"],
    ],
)
def test_wrong_usage_is_refused(glint, arguments):
    assert glint("bench", *arguments).failed("see glint bench --help", code=2)


def test_a_missing_package_is_named(glint):
    assert glint("bench", "load", "--model", "absent.glint").failed("absent.glint")
