"""Prints every skipped test with its reason; fails on one that is not on the committed list.

    python scripts/check_skips.py ALLOWED REPORT.xml...

ALLOWED: a line a pattern (shell wildcards) of test names; `#` starts a comment.
"""

import fnmatch
import sys
import xml.etree.ElementTree as ET
from pathlib import Path


def skipped_tests(report: Path):
    """(name, reason) of each skipped case of a JUnit file by ctest or pytest."""
    for case in ET.parse(report).getroot().iter("testcase"):
        skipped = case.find("skipped")
        if skipped is None and case.get("status") not in ("notrun", "disabled"):
            continue
        name = case.get("name")
        if report.name == "pytest.xml":
            name = f"{case.get('classname')}.{name}"
        output = case.findtext("system-out") or ""
        lines = [line.strip() for line in output.splitlines()]
        reason = next(
            (lines[i + 1] for i, line in enumerate(lines[:-1]) if line.endswith(": Skipped")), ""
        )
        if skipped is not None and skipped.get("message") and not reason:
            reason = skipped.get("message")
        yield name, reason or "no reason given"


def main() -> int:
    allowed_file, *reports = map(Path, sys.argv[1:])
    lines = [line.split("#")[0].strip() for line in allowed_file.read_text().splitlines()]
    allowed = [line for line in lines if line]
    count, surprising = 0, 0
    for report in reports:
        for name, reason in skipped_tests(report):
            listed = any(fnmatch.fnmatchcase(name, pattern) for pattern in allowed)
            count += 1
            surprising += not listed
            print(f"{'skipped' if listed else 'NOT LISTED'}: {name}: {reason}")
    print(f"{count} skipped, {surprising} of them not on {allowed_file}")
    return 1 if surprising else 0


if __name__ == "__main__":
    sys.exit(main())
