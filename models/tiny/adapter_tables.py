"""Markdown of what evaluate_adapters.py measured."""

from statistics import mean

Results = dict[str, dict[str, float]]
TITLES = {
    "tip_adapter": "Tip-Adapter",
    "tip_adapter_f": "Tip-Adapter-F",
    "clip_adapter": "CLIP-Adapter",
    "coop": "CoOp",
    "cocoop": "CoCoOp",
    "maple": "MaPLe",
}


def _percent(value: float) -> str:
    return f"{100 * value:.2f}"


def _row(title: str, cells: list[str]) -> str:
    return f"| {' | '.join([title, *cells])} |"


def _all_classes(results: Results, seeds: list[int]) -> list[str]:
    lines = [_row("ten classes", ["mean", *(f"seed {seed}" for seed in seeds)])]
    lines += [_row("---", ["---"] * (len(seeds) + 1))]
    lines += [_row("zero-shot", [_percent(results["zero_shot"]["all"]), *[""] * len(seeds)])]
    for method, title in TITLES.items():
        if f"{method} {seeds[0]}" in results:
            values = [results[f"{method} {seed}"]["all"] for seed in seeds]
            lines += [_row(title, [_percent(mean(values)), *map(_percent, values)])]
    return lines


def harmonic(base: float, new: float) -> float:
    return 2 * base * new / (base + new)


def _split(results: Results, seeds: list[int]) -> list[str]:
    def cells(runs: list[dict[str, float]]) -> list[str]:
        halves = [[run[half] for run in runs] for half in ("base", "new")]
        means = [mean(values) for values in halves]
        each = [", ".join(map(_percent, values)) if len(runs) > 1 else "" for values in halves]
        return [*map(_percent, [*means, harmonic(*means)]), *each]

    lines = [_row("five and five", ["base", "new", "H", "base, by seed", "new, by seed"])]
    lines += [_row("---", ["---"] * 5), _row("zero-shot", cells([results["zero_shot"]]))]
    for method, title in TITLES.items():
        if f"{method} split {seeds[0]}" in results:
            lines += [_row(title, cells([results[f"{method} split {seed}"] for seed in seeds]))]
    return lines


def tables(results: Results, seeds: list[int]) -> str:
    """Top-1 in percent: all classes, then base and new classes with their harmonic mean."""
    return "\n".join([*_all_classes(results, seeds), "", *_split(results, seeds)])
