"""The Python side of a pipe: python worker.py MODULE:FACTORY, run by process.py.

A factory takes a job (a dict) and returns `call` and `result`: call() does the work once, and
result(call()) is an array of its numbers.
"""

import importlib
import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def _serve(factory, questions, answers) -> None:
    call = result = last = None
    for line in questions:
        question = json.loads(line)
        try:
            if question["do"] == "prepare":
                call = result = last = None  # frees the former work's memory first
                call, result = factory(question["job"])
                last = call()
                answer = {}
            elif question["do"] == "run":
                for _ in range(question["warm"]):
                    last = call()
                times = []
                for _ in range(question["calls"]):
                    start = time.perf_counter_ns()
                    last = call()
                    times.append(time.perf_counter_ns() - start)
                answer = {"ns": times}
            else:
                result(last).tofile(question["path"])
                answer = {}
        except Exception as error:  # of any library; the other side decides
            reason = (str(error).strip().splitlines() or [""])[0]
            answer = {"error": f"{type(error).__name__}: {reason}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def main() -> None:
    module, name = sys.argv[1].split(":")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not look like an answer
    _serve(getattr(importlib.import_module(module), name), sys.stdin, answers)


if __name__ == "__main__":
    main()
