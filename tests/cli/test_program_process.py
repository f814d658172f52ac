"""The program as a process: pipes, terminals, signals, full disks."""

import os
import pty
import shutil
import signal
import subprocess
import time

import pytest
from program_support import environment

LABELS = ["--labels", "cat,dog"]


@pytest.fixture
def start(program, package, tmp_path):
    """Starts a command with the small random package; ctrl-C is delivered as at a terminal."""
    started = []

    def run(command, *rest, **options):
        process = subprocess.Popen(
            [program, *command.split(), "--model", package, *map(str, rest)],
            cwd=tmp_path,
            env=environment(TERM="xterm"),
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            **options,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture
def many(cat, tmp_path):
    """A folder of five hundred links to one picture: seconds of work."""
    (tmp_path / "many").mkdir()
    shutil.copy(cat, tmp_path / "one.jpg")
    for number in range(500):
        (tmp_path / "many" / f"{number}.jpg").symlink_to(tmp_path / "one.jpg")
    return "many"


def read_terminal(descriptor, wanted=None, seconds=60):
    """What a terminal shows, up to `wanted` or until the program has gone."""
    seen = b""
    end = time.monotonic() + seconds
    while wanted is None or wanted not in seen:
        assert time.monotonic() < end, seen
        try:
            seen += os.read(descriptor, 65536)
        except OSError:  # EIO: no program at the other end
            break
    return seen.decode()


def wait_until_guarded(process):
    """Until ctrl-C is taken care of: the program blocks it and waits for it."""
    bit = 1 << (signal.SIGINT - 1)
    while process.poll() is None:
        with open(f"/proc/{process.pid}/status") as status:
            masks = [line.split()[1] for line in status if line.startswith("SigBlk:")]
        if int(masks[0], 16) & bit:
            return
        time.sleep(0.01)


def test_ctrl_c_ends_with_130_and_leaves_no_output(start, many, tmp_path):
    terminal, side = pty.openpty()
    process = start("embed", "--images", many, "--output", "out.npy", stderr=side)
    os.close(side)
    shown = read_terminal(terminal, b" of 500, ")  # the bar: so it is at work
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert "images" in shown
    assert sorted(os.listdir(tmp_path)) == ["many", "one.jpg"]
    assert "error: interrupted" in read_terminal(terminal)
    os.close(terminal)


@pytest.mark.parametrize("command", ["adapt tip", "adapt tip-f"])
def test_ctrl_c_while_learning_leaves_no_package(start, many, tmp_path, command):
    for label in ("cat", "dog"):
        (tmp_path / "shots" / label).mkdir(parents=True)
        for picture in (tmp_path / many).iterdir():
            (tmp_path / "shots" / label / picture.name).symlink_to(picture)
    terminal, side = pty.openpty()
    process = start(command, "--shots", "shots", "--output", "mine.glint", stderr=side)
    os.close(side)
    read_terminal(terminal, b" of 1000, ")
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert sorted(os.listdir(tmp_path)) == ["many", "one.jpg", "shots"]
    assert "error: interrupted" in read_terminal(terminal)
    os.close(terminal)


def test_ctrl_c_while_waiting_for_input(start, tmp_path):
    process = start(
        "embed", "--texts", "-", "--output", "out.npy", stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdin.write(b"a cat\n")
    process.stdin.flush()
    wait_until_guarded(process)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert process.stderr.read() == b"error: interrupted\n"
    assert os.listdir(tmp_path) == []


def test_nohup_ignores_ctrl_c(program, package, tmp_path):
    process = subprocess.Popen(
        [program, "tokenize", "-", "--model", package],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(b"a", timeout=60)
    assert process.returncode == 0 and out == b"[49406,320,49407]\n"


@pytest.mark.parametrize("ignored", [False, True])
def test_a_closed_pipe_makes_no_noise(start, ignored):
    reader, writer = os.pipe()
    os.close(reader)
    process = start(
        "tokenize",
        *["word"] * 100,
        stdout=writer,
        stderr=subprocess.PIPE,
        restore_signals=not ignored,  # Python itself ignores SIGPIPE, and its children may
    )
    os.close(writer)
    assert process.wait(60) == (1 if ignored else -signal.SIGPIPE)
    assert process.stderr.read() == b""


@pytest.mark.parametrize(
    "arguments",
    [["classify", "CAT", *LABELS], ["tokenize", "a"], ["inspect"], ["verify"], ["tokenize", "-h"]],
    ids=" ".join,
)
def test_a_full_disk_under_stdout_is_an_error(start, cat, arguments):
    with open("/dev/full", "wb") as full:
        process = start(
            *[cat if a == "CAT" else a for a in arguments], stdout=full, stderr=subprocess.PIPE
        )
        assert process.wait(60) == 1
    error = process.stderr.read().decode()
    assert error.startswith("error: cannot write to standard output: ")


def test_bars_are_drawn_on_a_terminal_only(start, cat):
    terminal, side = pty.openpty()
    process = start("classify", cat, *LABELS, stdout=side)
    os.close(side)
    shown = read_terminal(terminal)
    assert process.wait(60) == 0
    os.close(terminal)
    assert "█" in shown and "%" in shown


def test_progress_is_silent_outside_a_terminal(start, many):
    process = start("evaluate", "--folder", ".", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0 and err == b""
    assert out.startswith(b"images  500\n")
