"""Times glint and its peers in turn and prints their ratios as Markdown.

    scripts/bench                       everything, with the peers installed first
    scripts/bench --quick --only ids    does this row work?

Every engine is a process of its own, stopped while another is timed; see harness/.
"""

import argparse
import hashlib
import json
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
from harness import machine, timing
from harness.process import Engine, EngineFailed
from harness.table import OURS, Row, as_json, markdown
from jobs import ROOT, Setting
from works import (
    HEAD_TOWERS,
    HEADS,
    JPEGS,
    LSEG,
    PIXELS,
    SEARCH,
    WITH_A_MODEL,
    Work,
    all_works,
    difference,
)

HERE = Path(__file__).resolve().parent
BLOCK_S = 0.1  # what one engine is timed for in one round, at least one call
MOST_CALLS = 25
MOST_SLOW_ROUNDS = 3
# Whose versions decide the times.
PACKAGES = """torch torchvision open_clip_torch transformers tokenizers pillow numpy onnxruntime
openvino nncf hf-processors-rs faiss-cpu usearch""".split()


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a positive number, got {text}")
    return value


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=positive, default=15, metavar="N", help="default: 15")
    parser.add_argument("--quick", action="store_true", help="two rounds: do all rows work?")
    parser.add_argument(
        "--only", action="append", metavar="ROW", help="a row or the start of its name; repeatable"
    )
    parser.add_argument(
        "--engine", action="append", metavar="NAME",
        help="beside glint this engine alone, by its name in the table; repeatable",
    )  # fmt: skip
    parser.add_argument("--threads", type=positive, default=2, metavar="N", help="default: 2")
    parser.add_argument(
        "--rows", type=positive, default=200_000, metavar="N", help="rows to search in"
    )
    parser.add_argument("--arch", default="ViT-B-32", help="of the towers, by open_clip's names")
    parser.add_argument(
        "--storage", choices=["f32", "f16"], default="f32", help="of the weights, for every engine"
    )
    parser.add_argument("--json", action="store_true", help="JSON, one object an engine and line")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there too")
    parser.add_argument("--worker", type=Path, default=ROOT / "build/bench/bin/glint_worker")
    args = parser.parse_args(arguments)
    names = [work.name for work in all_works()]
    for only in args.only or []:
        if not any(name.startswith(only) for name in names):
            parser.error(f"no row starts with {only!r}; there are {', '.join(names)}")
    engines = dict.fromkeys(e for w in choose(all_works(), args.only, None) for e in w.engines)
    for engine in args.engine or []:
        if engine not in engines:
            parser.error(f"no engine {engine!r} in these rows; there are {', '.join(engines)}")
    if args.quick:
        args.rounds, args.rows = 2, min(args.rows, 20_000)
    return args


def choose(works: list[Work], only: list[str] | None, engines: list[str] | None) -> list[Work]:
    """Rows by how their names start, with some of their engines; None: all."""
    works = [w for w in works if not only or w.name.startswith(tuple(only))]
    if not engines:
        return works
    return [replace(w, engines={n: e for n, e in w.engines.items() if n in engines}) for w in works]


def say(text: str, end: str = "\n") -> None:
    """To stderr; a line that the next one replaces only on a terminal."""
    terminal = sys.stderr.isatty()
    if end == "\n" or terminal:
        print(("\r\x1b[K" if terminal else "") + text, end=end, file=sys.stderr, flush=True)


def artefacts_folder(script: str, name: str) -> Path:
    """Its name changes with whatever decides what is in it."""
    sources = [HERE / script, HERE / "requirements.txt", ROOT / "scripts/requirements.txt"]
    sources += sorted((ROOT / "models" / "export" / "glint_export").rglob("*.py"))
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources))
    return ROOT / "build" / "peers" / f"{name}-{digest.hexdigest()[:8]}"


def make_artefacts(script: str, folder: Path, *arguments: str) -> None:
    if folder.is_dir():
        return
    say(f"making {folder.name} for every engine (minutes, once)")
    folder.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(HERE / script), str(folder), *arguments]
    log = folder.with_suffix(".log")
    with log.open("wb") as output:
        if subprocess.run(command, stdout=output, stderr=output).returncode:
            sys.exit(f"error: expected {command[1]} to succeed; its output is in {log}")


class Engines:
    """The processes of one group of works, glint's first."""

    def __init__(self, works: list[Work], worker: Path, setting: Setting, stack: ExitStack):
        self.failed: list[str] = []
        python = [sys.executable, str(HERE / "harness" / "worker.py")]
        commands = {OURS: [str(worker)]}
        for name, target in works[0].engines.items():
            commands[name] = [str(worker)] if isinstance(target, dict) else [*python, target]
        threads = works[0].threads(setting)
        self._scratch = setting.scratch
        self._engines = {
            name: stack.enter_context(
                Engine(name, command, threads, setting.scratch / f"{works[0].name}-{i}.log")
            )
            for i, (name, command) in enumerate(commands.items())
        }

    def drop(self, name: str, error: EngineFailed) -> None:
        if name == OURS:
            sys.exit(f"error: {error}")
        say(f"failed: {error}")
        self.failed.append(str(error))
        del self._engines[name]

    def prepare(self, work: Work, job: dict) -> dict[str, np.ndarray]:
        """Makes all engines ready; the result of each that does the same work."""
        results = {}
        for name in list(self._engines):
            say(f"{work.title}: preparing {name}", end="")
            path = self._scratch / "result.bin"
            try:
                target = work.engines.get(name)
                own = target if isinstance(target, dict) else {}
                if "work" in own:
                    self._engines[name].prepare(job | {"package": job["base"]} | own)
                    continue
                self._engines[name].prepare(job | own)
                self._engines[name].save(path)
                results[name] = np.fromfile(path, work.dtype)
            except EngineFailed as error:
                self.drop(name, error)
        return results

    def time(self, work: Work, rounds: int) -> dict[str, list[float]]:
        """Milliseconds of a call, for each engine and round."""
        calls, warm = dict.fromkeys(self._engines, 1), 0 if work.seconds else 1
        for name, engine in self._engines.items() if not work.seconds else ():
            calls[name] = timing.calls_in(BLOCK_S, min(engine.run(1, 1)), MOST_CALLS)
        rounds = min(rounds, MOST_SLOW_ROUNDS) if work.seconds else rounds
        times = {name: [] for name in self._engines}
        for number, names in enumerate(timing.order(list(self._engines), rounds)):
            say(f"{work.title}: round {number + 1} of {rounds}", end="")
            for name in names:
                seconds = self._engines[name].run(warm, calls[name])
                whole = timing.spread(seconds).median / work.share.get(name, 1)
                times[name].append(1e3 * whole)
        return times


def measure(works: list[Work], args, setting: Setting) -> tuple[list[Row], list[str]]:
    """The rows of works that the same engines do."""
    rows = []
    with ExitStack() as stack:
        engines = Engines(works, args.worker, setting, stack)
        for work in works:
            job = work.job(setting) | {"threads": work.threads(setting)}
            results = engines.prepare(work, job)
            ours = results.pop(OURS)
            row = Row(work.group, work.title, work.threads(setting))
            row.differences = {n: difference(work, r, ours) for n, r in results.items()}
            row.times = engines.time(work, args.rounds)
            say(f"{work.title}: {timing.spread(row.times[OURS]).median:.3f} ms a call")
            rows.append(row)
        return rows, engines.failed


def facts(args, rows: list[Row], command: list[str], busy: float, seconds: float) -> list[str]:
    threads = {row.group: row.threads for row in rows}
    lines = [
        f"`{shlex.join(['scripts/bench', *command])}`, {seconds / 60:.0f} minutes",
        f"{machine.cpu_name()}, {machine.cores()} cores ({machine.simd()}); others used "
        f"{100 * busy:.0f} % of it at the start",
        f"{args.rounds} rounds, engines in turn (A B B A), each in its own process and stopped "
        "while others run",
        "threads: " + ", ".join(f"{group} {count}" for group, count in threads.items()),
    ]
    with_a_model = [group for group in threads if group in WITH_A_MODEL]
    if with_a_model:
        lines.append(f"{', '.join(with_a_model)}: {args.arch} of random {args.storage} weights")
    if SEARCH in threads:
        lines.append(f"{SEARCH}: of {args.rows:,} rows of 512 f32")
    return [*lines, machine.versions(PACKAGES)]


def main(arguments: list[str] | None = None) -> int:
    args = parse(arguments)
    # An exception, so that a killed run does not leave its stopped engines behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if not args.worker.is_file():
        sys.exit(f"error: expected a built glint_worker, got none at {args.worker}")
    started, busy = time.monotonic(), machine.busy_share(1)
    if busy > 0.05 and not args.quick:
        say(f"note: others use {100 * busy:.0f} % of this machine; the times will be theirs too")
    chosen = choose(all_works(), args.only, args.engine)
    artefacts = artefacts_folder("artefacts.py", f"{args.arch}-{args.storage}")
    heads = artefacts_folder("head_artefacts.py", "heads")
    if any(work.group in (*WITH_A_MODEL, PIXELS, JPEGS) for work in chosen):
        make_artefacts("artefacts.py", artefacts, args.arch, args.storage)
    if any(work.group in (HEAD_TOWERS, *HEADS, *LSEG) for work in chosen):
        make_artefacts("head_artefacts.py", heads)
    rows, failed = [], []
    with tempfile.TemporaryDirectory(prefix="glint-peers-") as scratch:
        setting = Setting(Path(scratch), artefacts, heads, args.rows, args.threads)
        for group in dict.fromkeys(work.group for work in chosen):
            works = [work for work in chosen if work.group == group]
            measured, lost = measure(works, args, setting)
            rows += measured
            failed += lost
    command = sys.argv[1:] if arguments is None else arguments
    notes = facts(args, rows, command, busy, time.monotonic() - started)
    text = markdown(rows, [*notes, *(f"failed: {error}" for error in failed)])
    if args.markdown:
        args.markdown.write_text(text)
    if args.json:
        for row in rows:
            for line in as_json(row):
                print(json.dumps(line))
    else:
        print(text, end="")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
