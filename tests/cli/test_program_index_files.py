"""glint index build reads what NumPy writes, and refuses other files by name."""

import os

import numpy as np
import pytest
from program_support import unit_rows


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("dtype", ["<f4", "<f2"])
def test_npy_of_every_version_and_both_types(build, search, tmp_path, version, dtype):
    rows = unit_rows(40).astype(dtype)
    rows[0, :4] = [0, 6e-8, -6.1e-5, -0.0]  # subnormal in f16
    with open(tmp_path / "v.npy", "wb") as file:
        np.lib.format.write_array(file, rows, version=version)
    assert build("v.npy").code == 0
    assert build(rows.astype("<f4"), output="b.gidx").code == 0
    assert (tmp_path / "a.gidx").read_bytes() == (tmp_path / "b.gidx").read_bytes()


def npy(header, data=b"", version=b"\x01\x00"):
    header = header.encode()
    width = 2 if version[0] == 1 else 4
    return b"\x93NUMPY" + version + len(header).to_bytes(width, "little") + header + data


def test_a_header_may_be_written_differently(build, tmp_path):
    rows = unit_rows(3, 2)
    np.save(tmp_path / "plain.npy", rows)
    header = '{ "shape" : (3,2) ,"fortran_order":False,\n "descr":"<f4" }'
    (tmp_path / "odd.npy").write_bytes(npy(header, rows.tobytes()))
    assert build("plain.npy").code == 0 and build("odd.npy", output="b.gidx").code == 0
    assert (tmp_path / "a.gidx").read_bytes() == (tmp_path / "b.gidx").read_bytes()


GOOD = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
BAD_FILES = {
    "empty": (b"", "first bytes"),
    "text": (b"index,score\n", "first bytes"),
    "magic only": (b"\x93NUMPY", "first bytes"),
    "version 4": (npy(GOOD, b"\0" * 24, b"\x04\x00"), "version 1.0, 2.0 or 3.0, got 4.0"),
    "version 1.1": (npy(GOOD, b"\0" * 24, b"\x01\x01"), "got 1.1"),
    "no length": (b"\x93NUMPY\x01\x00\x10", "cannot read all"),
    "cut header": (npy(GOOD)[:40], "cannot read all"),
    "huge header": (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "at most 65535 bytes, got 4294967295"),
    "cut data": (npy(GOOD, b"\0" * 23), "shape [2, 3], got"),
    "more data": (npy(GOOD, b"\0" * 25), "shape [2, 3], got"),
    "no dictionary": (npy("[1, 2]"), "expected a header"),
    "no shape": (npy("{'descr': '<f4', 'fortran_order': False}"), "expected a header"),
    "shape twice": (npy(GOOD[:-1] + "'shape': (2, 3)}", b"\0" * 24), "expected a header"),
    "another key": (npy(GOOD[:-1] + "'x': 1}", b"\0" * 24), "expected a header"),
    "more after it": (npy(GOOD + "{}", b"\0" * 24), "expected a header"),
    "negative side": (npy(GOOD.replace("2,", "-2,")), "expected a header"),
    "long side": (npy(GOOD.replace("2,", "9" * 19 + ",")), "expected a header"),
    "overflowing": (npy(GOOD.replace("2,", "9" * 18 + ",")), "shape [N, D]"),
    "a petabyte": (npy(GOOD.replace("2,", f"{2**40},")), "bytes for an array"),
    "code": (npy("__import__('os').abort()"), "expected a header"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_files_that_are_no_npy(build, tmp_path, name):
    data, part = BAD_FILES[name]
    (tmp_path / "bad.npy").write_bytes(data)
    assert build("bad.npy").failed(part, "bad.npy")
    assert os.listdir(tmp_path) == ["bad.npy"]


@pytest.mark.parametrize(
    "rows, part",
    [
        (np.zeros((2, 3)), 'got "<f8"'),
        (np.zeros((2, 3), ">f4"), 'got ">f4"'),
        (np.zeros((2, 3), "i4"), 'got "<i4"'),
        (np.zeros(3, "f4"), "got [3]"),
        (np.float32(3), "got []"),
        (np.zeros((2, 3, 4), "f4"), "got [2, 3, 4]"),
        (np.zeros((2, 0), "f4"), "got [2, 0]"),
        (np.zeros((1, 65537), "f4"), "got [1, 65537]"),
        (np.asfortranarray(np.zeros((2, 3), "f4")), "Fortran order"),
        (np.array([["a"]]), '"<U1"'),
        (np.array([[None]]), '"|O"'),
    ],
    ids=str,
)
def test_arrays_that_are_no_embeddings(build, tmp_path, rows, part):
    assert build(rows).failed(part, "rows.npy")
    assert os.listdir(tmp_path) == ["rows.npy"]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["f4", "f2"])
def test_rows_that_are_no_numbers_are_named(build, tmp_path, bad, dtype):
    rows = unit_rows(5000, 1200).astype(dtype)  # more than one block
    rows[4321, 7] = bad
    assert build(rows).failed("row 4321, column 7", "rows.npy", str(bad))
    assert os.listdir(tmp_path) == ["rows.npy"]
