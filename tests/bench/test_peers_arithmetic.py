"""The order, the statistics and the tables of peers.py, without any peer and without a clock."""

import json
from pathlib import Path

import numpy as np
import pytest
from engines import packages
from harness import timing
from harness.process import Engine, EngineFailed
from harness.table import Row, as_json, digits, markdown
from jobs import TINY_CLIP, Setting
from peers import choose, parse
from works import all_works, difference

WORKS = {work.name: work for work in all_works()}


def row(**times):
    return Row("towers", "image, B=1", 2, times, {"peer": "equal"})


def test_every_other_round_goes_backwards():
    assert timing.order(["a", "b"], 4) == [["a", "b"], ["b", "a"], ["a", "b"], ["b", "a"]]
    assert timing.order(["a", "b", "c"], 2) == [["a", "b", "c"], ["c", "b", "a"]]


@pytest.mark.parametrize("count", [1, 2, 3, 15, 16])
def test_quantiles_are_numpys(count):
    values = list(np.random.default_rng(count).random(count))
    for share in (0.0, 0.1, 0.5, 0.9, 1.0):
        assert timing.quantile(values, share) == pytest.approx(np.quantile(values, share))


def test_a_spread_is_the_median_and_the_tenths():
    assert timing.spread(list(range(11))) == timing.Spread(5, 1, 9)


def test_ratios_pair_the_rounds():
    assert timing.ratios([2.0, 3.0], [1.0, 2.0]) == [2.0, 1.5]
    with pytest.raises(ValueError, match="got 1 and 2"):
        timing.ratios([1.0], [1.0, 2.0])


def test_the_ratio_of_a_row_is_not_the_ratio_of_medians():
    # A machine that slows down by ten over the rounds, and a peer that always takes twice as long.
    slow = row(glint=[1.0, 2.0, 10.0], peer=[2.0, 4.0, 20.0])
    assert slow.ratio("peer") == timing.Spread(2, 2, 2)


@pytest.mark.parametrize(
    ("one_s", "calls"), [(0.01, 10), (0.2, 1), (0.0001, 25), (0.0, 25), (0.03, 3)]
)
def test_calls_fill_the_budget(one_s, calls):
    assert timing.calls_in(0.1, one_s, 25) == calls


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.00123, "0.00123"), (0.9996, "1.00"), (1, "1.00"), (1.234, "1.23"),
     (12.34, "12.3"), (99.96, "100"), (123.4, "123"), (1234.5, "1234")],
)  # fmt: skip
def test_numbers_have_three_digits(value, text):
    assert digits(value) == text


def test_the_table_has_ours_first_and_a_dash_where_nothing_was_measured():
    other = Row("towers", "image, B=8", 2, {"glint": [4.0]}, {})
    text = markdown([row(peer=[3.0, 3.0], glint=[1.0, 2.0]), other], ["a fact"])
    assert text.split("\n\n")[1].splitlines() == [
        "| towers | image, B=1 | image, B=8 | its result against ours |",
        "| --- | --- | --- | --- |",
        "| glint | 1.50 (1.10-1.90) ms | 4.00 (4.00-4.00) ms |  |",
        "| peer | 2.25 (1.65-2.85) | - | equal |",
    ]
    assert text.endswith("\n- a fact\n")


def test_groups_have_tables_of_their_own():
    ids = Row("ids", "1,000 prompts", 1, {"glint": [1.0], "other": [2.0]}, {"other": "equal"})
    rules = [line for line in markdown([row(glint=[1.0]), ids], []).splitlines() if "---" in line]
    assert rules == ["| --- | --- | --- |"] * 2


def test_json_has_one_object_an_engine():
    first, second = as_json(row(glint=[1.0, 2.0], peer=[3.0, 3.0]))
    assert (first["engine"], first["ratio"], first["difference"]) == ("glint", 1, None)
    assert (second["engine"], second["median_ms"], second["min_ms"]) == ("peer", 3, 3)
    assert (second["ratio"], second["rounds"], second["threads"]) == (2.25, 2, 2)
    assert second["difference"] == "equal"


def test_differences_are_counted_or_measured():
    ours = np.array([1, 2, -4])
    assert difference(WORKS["ids"], ours.copy(), ours) == "equal"
    assert difference(WORKS["ids"], np.array([1, 3, -4]), ours) == "1 of 3 differ"
    assert difference(WORKS["ids"], ours[:2], ours) == "2 numbers instead of 3"
    towers = difference(WORKS["image-1"], ours + 0.04, ours)
    assert towers == "largest difference 1e-02 of the largest value"


def test_works_of_one_table_have_the_same_engines():
    for work in WORKS.values():
        same = [other for other in WORKS.values() if other.group == work.group]
        assert all(other.engines == work.engines for other in same)
        assert all(other.one_thread == work.one_thread for other in same)
        assert "glint" not in work.engines


def test_rows_and_their_engines_can_be_chosen():
    chosen = choose(all_works(), ["image-", "search-1"], ["OpenVINO f32", "torch"])
    assert [(w.name, list(w.engines)) for w in chosen] == [
        ("image-1", ["OpenVINO f32"]), ("image-8", ["OpenVINO f32"]), ("search-1", ["torch"]),
    ]  # fmt: skip
    assert [w.name for w in choose(all_works(), None, None)] == list(WORKS)
    with pytest.raises(SystemExit):
        parse(["--only", "ids", "--engine", "OpenVINO f32"])
    assert parse(["--only", "image", "--engine", "OpenVINO f32"]).engine == ["OpenVINO f32"]


def test_an_engine_that_does_a_share_of_the_work_is_said_to_in_the_title():
    shares = [(w, name, share) for w in WORKS.values() for name, share in w.share.items()]
    assert shares
    for work, name, share in shares:
        assert name in work.engines
        assert f"times {round(1 / share)})" in work.title


PHOTOS = [
    ("photo", 1, "exact"),
    ("photo-fast", 1, "fast"),
    ("photo-compact", 1, "compact"),
    ("photo-8", 8, "exact"),
]


@pytest.mark.parametrize(("name", "batch", "precision"), PHOTOS)
def test_a_tower_alone_computes_as_the_whole_does(name, batch, precision, tmp_path):
    package = tmp_path / "model.glint"
    package.mkdir()
    (package / "glint.json").write_text('{"embed_dim": 8}')
    job = WORKS[name].job(Setting(tmp_path, tmp_path, tmp_path, rows=1, threads=1))
    alone = job | WORKS[name].engines["glint, the image tower alone"]
    assert (alone["work"], alone["precision"]) == ("encode-image", precision)
    assert np.load(alone["input"]).shape == tuple(alone["shape"]) == (batch, 3, 224, 224)
    assert np.load(job["classes"]).shape == (1000, 8)


def test_the_floor_of_loading_hashes_the_files_that_the_manifest_lists():
    files = json.loads((TINY_CLIP / "glint.json").read_text())["files"]
    listed = [files[path].removeprefix("sha256:")[:16] for path in sorted(files)]
    found = packages.starts(packages.digests(TINY_CLIP))
    assert [f"{start & 0xFFFFFFFFFFFFFFFF:016x}" for start in found.tolist()] == listed


def test_an_engine_that_ends_is_an_error_with_its_last_words(tmp_path):
    command = ["sh", "-c", "read line; echo no such library >&2; exit 3"]
    with Engine("peer", command, 1, tmp_path / "log") as engine:
        with pytest.raises(EngineFailed, match="peer ended: no such library"):
            engine.prepare({})


def test_an_engine_answers_and_is_stopped_between_its_turns(tmp_path):
    command = ["sh", "-c", 'while read line; do echo "{\\"ns\\": [2000]}"; done']
    with Engine("peer", command, 1, tmp_path / "log") as engine:
        assert engine.run(1, 1) == [2e-6]
        stat = Path(f"/proc/{engine.pid}/stat").read_text()
        assert stat.rpartition(")")[2].split()[0] == "T"
