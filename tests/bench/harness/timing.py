"""The order in which engines are timed, and what is made of the times. No clock in here.

In each round every engine is timed once; odd rounds go through the engines backwards (A B B A), so
that a machine that slowly speeds up or slows down favours none. A ratio is formed inside a round,
between neighbours in time, and the ratios' median and spread are reported: a disturbance that
lasts longer than a round touches both sides of a ratio, a shorter one a few ratios of many.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Median of some numbers, with the tenth that is lowest and highest cut off."""

    median: float
    low: float  # 10th percentile
    high: float  # 90th percentile


def order(engines: list[str], rounds: int) -> list[list[str]]:
    """The engines of each round: forwards, backwards, forwards, ..."""
    return [engines[:: -1 if number % 2 else 1] for number in range(rounds)]


def quantile(values: list[float], share: float) -> float:
    """With linear interpolation between neighbours (numpy's default)."""
    ordered = sorted(values)
    position = share * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])


def spread(values: list[float]) -> Spread:
    return Spread(*(quantile(values, share) for share in (0.5, 0.1, 0.9)))


def ratios(peer: list[float], ours: list[float]) -> list[float]:
    """Times of a peer over ours, round by round: above 1 where we are faster."""
    if len(peer) != len(ours):
        raise ValueError(f"expected as many rounds of both, got {len(peer)} and {len(ours)}")
    return [theirs / own for theirs, own in zip(peer, ours, strict=True)]


def calls_in(budget_s: float, one_s: float, most: int) -> int:
    """Calls that fill a time budget: at least 1, at most `most`."""
    return max(1, min(most, int(budget_s / max(one_s, 1e-9))))
