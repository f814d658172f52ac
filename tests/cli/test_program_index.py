"""glint index: the same hits as numpy, faiss and usearch find, and clear errors."""

import json
import os
import signal
import subprocess
import time

import numpy as np
import pytest
from program_support import EMBED_DIM, PACKAGE, environment, unit_rows
from safetensors.numpy import load_file

D = EMBED_DIM
REFERENCE = load_file(PACKAGE / "reference" / "vectors.safetensors")
MANIFEST = json.loads((PACKAGE / "glint.json").read_text())
STORAGES = ["f32", "bf16", "int8"]


def plain_search(rows, query, k):
    """Scores in f64, rounded to f32; equal scores by index."""
    scores = (rows.astype("f8") @ query.astype("f8")).astype("f4")
    best = np.argsort(-scores, kind="stable")[:k]
    return [{"index": int(i), "score": float(str(scores[i]))} for i in best]


# Answers.


@pytest.mark.parametrize("storage", STORAGES)
def test_hits_are_those_of_a_plain_search(glint, tiny, build, search, tmp_path, storage):
    rows = unit_rows(3000)
    done = build(rows, "--storage", storage)
    assert (done.code, done.out, done.err) == (0, "", "")
    texts = ["a cat", "two dogs", ""]
    tiny("embed", "--texts", "-", "--output", "q.npy", input="\n".join(texts).encode() + b"\n")
    flags = [flag for text in texts for flag in ("--text", text)]
    done = search(*flags, "--top-k", "10", "--json")
    assert (done.code, done.err) == (0, "")
    queries = np.load(tmp_path / "q.npy")
    assert [answer["hits"] for answer in done.json] == [
        plain_search(rows, query, 10) for query in queries
    ]
    assert done.out.startswith('{"hits":[{"index":')


def test_every_storage_and_thread_count_prints_the_same(build, search):
    rows = unit_rows(5000, seed=2)
    printed = set()
    for storage, threads in zip(STORAGES, (1, 2, 3)):
        build(rows, "--storage", storage)
        printed.add(search("--text", "a cat", "--threads", threads, "--json").out)
    assert len(printed) == 1


def test_pictures_find_themselves(tiny, build, search, three, tmp_path):
    tiny("embed", "--images", *three, "--output", "photos.npy")
    assert build("photos.npy").code == 0
    flags = [flag for path in three for flag in ("--image", path)]
    done = search(*flags, "--top-k", "1", "--json")
    assert [answer["hits"][0]["index"] for answer in done.json] == [0, 1, 2]
    assert all(answer["hits"][0]["score"] == pytest.approx(1, abs=1e-5) for answer in done.json)


def test_texts_are_answered_before_pictures(build, search, cat):
    build(unit_rows(50))
    answers = search("--image", cat, "--text", "a", "--text", "b", "--json").json
    for answer, flags in zip(answers, (["--text", "a"], ["--text", "b"], ["--image", cat])):
        (alone,) = search(*flags, "--json").json
        assert [hit["index"] for hit in answer["hits"]] == [hit["index"] for hit in alone["hits"]]
        for ours, theirs in zip(answer["hits"], alone["hits"]):
            # A batch of two texts and one text: embeddings agree within 1e-5.
            assert ours["score"] == pytest.approx(theirs["score"], abs=1e-5)


def test_a_picture_may_come_from_standard_input(build, search, cat):
    build(unit_rows(50))
    with open(cat, "rb") as file:
        piped = search("--image", "-", "--json", input=file.read())
    assert piped.code == 0 and piped.out == search("--image", cat, "--json").out


def test_text_output_is_aligned(build, search):
    build(unit_rows(2000))
    lines = search("--text", "a cat", "--text", "b", "--top-k", "12").out.splitlines()
    assert lines[0] == "a cat" and lines[13] == "b" and len(lines) == 26
    table = [line.split() for line in lines[1:13]]
    assert [int(rank) for rank, _, _ in table] == list(range(1, 13))
    assert len({len(line) for line in lines[1:13]}) == 1
    scores = [float(score) for _, _, score in table]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("flags, count", [([], 5), (["--top-k", "0"], 7), (["--top-k", "100"], 7)])
def test_how_many_are_listed(build, search, flags, count):
    build(unit_rows(7))
    assert len(search("--text", "a", "--json", *flags).json[0]["hits"]) == count


def test_an_empty_index_has_no_hits(build, search):
    assert build(unit_rows(0)).code == 0
    assert search("--text", "a", "--json").json == [{"hits": []}]
    assert search("--text", "a").out == "a\n"


def test_the_bundled_model_answers_by_default(glint, build):
    bundled = glint("inspect", "tiny-clip", "--json").json[0]["embed_dim"]
    build(unit_rows(20, bundled))
    done = glint("index", "search", "a.gidx", "--text", "a ship", "--json")
    assert done.code == 0 and len(done.json[0]["hits"]) == 5
    assert "tiny-clip" in done.err


@pytest.mark.parametrize("command", ["build", "search"])
def test_both_halves_explain_themselves(glint, command):
    done = glint("index", command, "--help")
    assert done.code == 0 and done.err == ""
    assert f"Usage: glint index {command}" in done.out
    assert "Examples:" in done.out and "--threads" in done.out
    assert command in glint("index", "--help").out


# Peers: each reads what we write, and finds what we find.


@pytest.fixture
def embedded(tiny, tmp_path):
    """What glint embed writes: rows to search and queries, as files and arrays."""
    words = [f"{a} {b} {c}" for a in "red blue old new".split() for b in "cat dog car".split()
             for c in "here there inside outside".split()]
    for name, lines in (("rows", words), ("queries", ["a cat", "a blue car", "old"])):
        text = "\n".join(lines).encode()
        done = tiny("embed", "--texts", "-", "--output", f"{name}.npy", input=text)
        assert done.code == 0, done.err
    return np.load(tmp_path / "rows.npy"), np.load(tmp_path / "queries.npy")


@pytest.fixture
def our_hits(build, search):
    def run(storage):
        assert build("rows.npy", "--storage", storage).code == 0
        flags = ["--text", "a cat", "--text", "a blue car", "--text", "old"]
        answers = search(*flags, "--top-k", "10", "--json").json
        hits = [answer["hits"] for answer in answers]
        return (
            np.array([[hit["index"] for hit in row] for row in hits]),
            np.array([[hit["score"] for hit in row] for row in hits]),
        )

    return run


def assert_same_hits(ours, indices, scores):
    # f32 sums of unit rows, in whatever order the peer adds: D + 1 roundings of 2^-24.
    np.testing.assert_allclose(ours[1], scores, rtol=0, atol=(D + 1) * 2**-24)
    gaps = -np.diff(ours[1], axis=1)
    assert gaps.min() > 2 * (D + 1) * 2**-24, "the order is not decided by rounding"
    np.testing.assert_array_equal(ours[0], indices)


@pytest.mark.parametrize("storage", STORAGES)
def test_faiss_reads_our_npy_and_finds_the_same(embedded, our_hits, storage):
    import faiss

    rows, queries = embedded
    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(rows)
    scores, indices = index.search(queries, 10)
    assert_same_hits(our_hits(storage), indices, scores)


@pytest.mark.parametrize("storage", STORAGES)
def test_usearch_reads_our_npy_and_finds_the_same(embedded, our_hits, storage):
    from usearch.index import MetricKind, search

    rows, queries = embedded
    found = search(rows, queries, 10, MetricKind.IP, exact=True)
    assert_same_hits(our_hits(storage), found.keys.astype(int), 1 - found.distances)


def test_we_read_what_faiss_users_save(build, glint, search, tmp_path):
    import faiss

    rows = np.random.default_rng(3).standard_normal((200, D)).astype("f4")
    faiss.normalize_L2(rows)
    index = faiss.IndexFlatIP(D)
    index.add(rows)
    np.save(tmp_path / "faiss.npy", index.reconstruct_n(0, index.ntotal))
    assert build("faiss.npy").code == 0
    assert build(rows, output="b.gidx").code == 0
    assert (tmp_path / "a.gidx").read_bytes() == (tmp_path / "b.gidx").read_bytes()


# Indices that are not what they claim.


def test_truncated_grown_and_foreign_indices(build, search, tmp_path):
    build(unit_rows(30))
    whole = (tmp_path / "a.gidx").read_bytes()
    for name, data in {
        "empty": b"",
        "cut": whole[:-1],
        "grown": whole + b"\0",
        "header": whole[:17] + b"\1" + whole[18:],
        "foreign": (tmp_path / "rows.npy").read_bytes(),
    }.items():
        (tmp_path / name).write_bytes(data)
        assert search("--text", "a", index=name).failed(f'in the index "{name}"')
    assert search("--text", "a", index="none").failed("no such file", "none")
    assert search("--text", "a", index=".").failed("regular file")


def test_an_index_of_another_models_size(build, search):
    build(unit_rows(30, D + 1))
    assert search("--text", "a").failed(f"rows of {D} numbers", f"got {D + 1}", "a.gidx")


def test_bad_queries(build, search, cat, tmp_path):
    build(unit_rows(30))
    assert search("--text", b"\xff".decode(errors="surrogateescape")).failed("UTF-8", "--text")
    done = search("--image", "none.jpg", "--image", cat, "--json")
    assert done.code == 1 and len(done.json) == 1
    assert done.err.count("error: ") == 1 and "none.jpg" in done.err


def test_scores_beyond_f32_are_an_error_and_no_null(build, search):
    build(np.full((2, D), 3.4e38, "f4") * np.sign(REFERENCE["image_embedding"][0]))
    picture = PACKAGE / MANIFEST["reference"]["images"][0]
    assert search("--image", str(picture), "--json").failed("range of f32", "a.gidx")


@pytest.mark.parametrize(
    "arguments",
    [
        ["index"],
        ["index", "destroy"],
        ["index", "build"],
        ["index", "build", "--embeddings", "a.npy"],
        ["index", "build", "--output", "a.gidx"],
        ["index", "build", "--embeddings", "a", "--output", "b", "--storage", "f16"],
        ["index", "search"],
        ["index", "search", "a.gidx"],
        ["index", "search", "--text", "a"],
        ["index", "search", "a.gidx", "--text", "a", "--top-k", "-1"],
        ["index", "search", "a.gidx", "--text", "a", "--top-k", "many"],
        ["index", "search", "a.gidx", "--text"],
    ],
    ids=" ".join,
)
def test_wrong_usage_of_index_is_exit_2(glint, arguments, tmp_path):
    inner = arguments[1] if arguments[1:] and arguments[1] != "destroy" else ""
    where = " ".join(filter(None, ["; see glint index", inner, "--help"]))
    assert glint(*arguments).failed(where, code=2)
    assert os.listdir(tmp_path) == []


def test_an_index_does_not_replace_its_embeddings(glint, tmp_path):
    np.save(tmp_path / "a.npy", np.eye(3, dtype=np.float32))
    path = str(tmp_path / "a.npy")
    before = (tmp_path / "a.npy").read_bytes()
    done = glint("index", "build", "--embeddings", path, "--output", path)
    assert done.failed("the same file")
    assert (tmp_path / "a.npy").read_bytes() == before


# Outputs.


@pytest.mark.parametrize("output", ["none/a.gidx", ".", "/dev/null"])
def test_an_index_that_cannot_be_written(build, output):
    assert build(unit_rows(3), output=output).failed(output)


def test_a_link_keeps_being_one(build, tmp_path):
    (tmp_path / "real.gidx").write_text("old")
    (tmp_path / "link.gidx").symlink_to("real.gidx")
    assert build(unit_rows(3), output="link.gidx").code == 0
    assert (tmp_path / "link.gidx").is_symlink()
    assert (tmp_path / "real.gidx").read_bytes()[1:5] == b"GIDX"


def test_a_failing_build_leaves_the_old_index(build, tmp_path):
    (tmp_path / "a.gidx").write_text("old")
    rows = unit_rows(3)
    rows[1] = np.nan
    assert build(rows).code == 1
    assert (tmp_path / "a.gidx").read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["a.gidx", "rows.npy"]


def test_ctrl_c_leaves_no_index(program, tmp_path):
    # Half a second of work or more; the zeros are a hole in the file.
    np.lib.format.open_memmap(tmp_path / "rows.npy", "w+", "<f2", (200_000, 512))
    process = subprocess.Popen(
        [program, "index", "build", "--embeddings", "rows.npy", "--output", "a.gidx"],
        cwd=tmp_path,
        env=environment(),
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while process.poll() is None and not list(tmp_path.glob("a.gidx.*")):
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert process.stderr.read() == b"error: interrupted\n"
    assert os.listdir(tmp_path) == ["rows.npy"]
