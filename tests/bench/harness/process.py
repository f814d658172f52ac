"""An engine in a process of its own, which is stopped while others are timed.

Thread pools spin for a while after their work is done, and one that spins takes a core from
whoever is timed next. Turning the spinning off would slow those engines that rely on it, so each
keeps its own default and the whole process group is stopped (SIGSTOP) between its turns.
"""

import json
import os
import signal
import subprocess
from pathlib import Path


class EngineFailed(Exception):
    """The engine could not do a work; the message is one line."""


def environment(threads: int) -> dict[str, str]:
    """Thread counts of every pool that an engine might start, and where compilers may write."""
    pools = ("OMP", "MKL", "OPENBLAS", "RAYON", "NUMEXPR")
    counts = {f"{pool}_NUM_THREADS": str(threads) for pool in pools}
    quiet = {"TOKENIZERS_PARALLELISM": "false", "TRANSFORMERS_VERBOSITY": "error"}
    return os.environ | counts | quiet | {"TORCHINDUCTOR_COMPILE_THREADS": "1"}


class Engine:
    """Speaks one JSON object a line with a worker (worker.py, worker/main.cpp)."""

    def __init__(self, name: str, command: list[str], threads: int, log: Path):
        self.name = name
        self._log = log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment(threads),
                start_new_session=True,  # a group, so that its helpers stop with it
                text=True,
            )
        self._stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            pass  # it has ended; the next question says so

    def _stop(self) -> None:
        self._signal(signal.SIGSTOP)
        # Until it has stopped, or ended, which is left for Popen to find.
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def _ask(self, **question) -> dict:
        self._signal(signal.SIGCONT)
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            self._stop()
        if not line:
            raise EngineFailed(f"{self.name} ended: {self._last_words()}")
        answer = json.loads(line)
        if "error" in answer:
            raise EngineFailed(f"{self.name}: {answer['error']}")
        return answer

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "without a message"

    def prepare(self, job: dict) -> dict:
        """Makes the work ready and does it once; what the engine says of itself."""
        return self._ask(do="prepare", job=job)

    def run(self, warm: int, calls: int) -> list[float]:
        """Seconds of each of `calls` calls, after `warm` untimed ones."""
        return [ns / 1e9 for ns in self._ask(do="run", warm=warm, calls=calls)["ns"]]

    def save(self, path: Path) -> None:
        """The last result's numbers, raw."""
        self._ask(do="save", path=str(path))
