"""Results as Markdown: one table a group of works, peers down, works across."""

from dataclasses import dataclass, field

from .timing import Spread, ratios, spread


@dataclass
class Row:
    """What was measured of one work. Times in ms, one a round; `glint` is among the engines."""

    group: str
    work: str
    threads: int
    times: dict[str, list[float]] = field(default_factory=dict)
    differences: dict[str, str] = field(default_factory=dict)  # a peer's result against ours

    def ratio(self, peer: str) -> Spread:
        return spread(ratios(self.times[peer], self.times[OURS]))


OURS = "glint"


def digits(value: float) -> str:
    """Three significant digits, without an exponent: 0.0123, 1.23, 12.3, 123, 1234."""
    if value == 0:
        return "0"
    exponent = int(f"{value:.2e}".partition("e")[2])  # of the rounded number: 9.996 has 1
    return f"{value:.{max(0, 2 - exponent)}f}"


def _range(value: Spread) -> str:
    return f"{digits(value.median)} ({digits(value.low)}-{digits(value.high)})"


def _cell(row: Row, engine: str) -> str:
    if engine not in row.times:
        return "-"
    if engine == OURS:
        return f"{_range(spread(row.times[OURS]))} ms"
    return _range(row.ratio(engine))


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _group(name: str, rows: list[Row]) -> list[str]:
    engines = list(dict.fromkeys(engine for row in rows for engine in row.times))
    engines.sort(key=lambda engine: engine != OURS)  # ours first, the others as they came
    lines = [
        _line([name, *(row.work for row in rows), "its result against ours"]),
        _line(["---"] * (len(rows) + 2)),
    ]
    for engine in engines:
        notes = [row.differences[engine] for row in rows if engine in row.differences]
        lines.append(
            _line([engine, *(_cell(row, engine) for row in rows), "; ".join(dict.fromkeys(notes))])
        )
    return lines


def markdown(rows: list[Row], facts: list[str]) -> str:
    """The tables, then the facts one a line."""
    lines = [
        "Time of a peer over glint's, median (10th-90th percentile) of the rounds' ratios: above 1",
        "where glint is faster. In the first line of each table, glint's own time a call.",
        "",
    ]
    for group in dict.fromkeys(row.group for row in rows):
        lines += [*_group(group, [row for row in rows if row.group == group]), ""]
    return "\n".join([*lines, *(f"- {fact}" for fact in facts)]) + "\n"


def as_json(row: Row) -> list[dict]:
    """One object an engine."""
    return [
        {
            "group": row.group,
            "work": row.work,
            "engine": engine,
            "threads": row.threads,
            "rounds": len(times),
            "median_ms": spread(times).median,
            "p10_ms": spread(times).low,
            "p90_ms": spread(times).high,
            "min_ms": min(times),
            "ratio": row.ratio(engine).median,
            "ratio_p10": row.ratio(engine).low,
            "ratio_p90": row.ratio(engine).high,
            "difference": row.differences.get(engine),
        }
        for engine, times in row.times.items()
    ]
