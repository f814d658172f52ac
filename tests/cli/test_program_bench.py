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


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["everything"],
        ["load", "tokenize"],
        ["load", "--rounds", "0"],
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
