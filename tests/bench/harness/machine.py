"""What a table of times must say about where it was made."""

import os
import platform
import time
from importlib import metadata
from pathlib import Path


def cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def simd() -> str:
    """The instruction sets that decide what engines pick, as the kernel lists them."""
    known = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile")
    flags = Path("/proc/cpuinfo").read_text().partition("flags")[2].partition("\n")[0].split()
    return " ".join(flag for flag in known if flag in flags)


def versions(packages: list[str]) -> str:
    """Of those that are installed: some rows need torch alone."""
    found = {one.metadata["Name"].lower().replace("_", "-") for one in metadata.distributions()}
    known = [package for package in packages if package.lower().replace("_", "-") in found]
    return ", ".join(f"{package} {metadata.version(package)}" for package in known)


def _busy_and_total() -> tuple[int, int]:
    numbers = [int(n) for n in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return sum(numbers) - numbers[3] - numbers[4], sum(numbers)  # without idle and iowait


def busy_share(seconds: float) -> float:
    """The share of all processors that others use now, 0 to 1."""
    busy, total = _busy_and_total()
    time.sleep(seconds)
    busy_after, total_after = _busy_and_total()
    return (busy_after - busy) / max(1, total_after - total)


def cores() -> int:
    return len(os.sched_getaffinity(0))
