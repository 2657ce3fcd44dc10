"""Which layer each subscriber gets of each track: by wish, liveness and bandwidth. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

GUESSED = (150_000, 500_000, 1_700_000)  # bit/s of a layer not measured yet, small to large


@dataclass(frozen=True, slots=True)
class LayerState:
    """One layer of a track as it comes in."""

    alive: bool
    bitrate: float


@dataclass(frozen=True, slots=True)
class Demand:
    """A subscriber's wish for one video track: at most layer `wanted`, None for nothing."""

    track_sid: str
    layers: Sequence[LayerState]
    wanted: int | None
    priority: int = 0


def rate(demand: Demand, index: int) -> float:
    measured = demand.layers[index].bitrate
    return measured or GUESSED[min(index, len(GUESSED) - 1)]


def best_alive(demand: Demand) -> int | None:
    """The largest living layer up to the wish; with none alive, the wish itself."""
    if demand.wanted is None:
        return None
    top = min(demand.wanted, len(demand.layers) - 1)
    for index in range(top, -1, -1):
        if demand.layers[index].alive:
            return index
    for index in range(top + 1, len(demand.layers)):
        if demand.layers[index].alive:
            return index
    return top


def allocate(
    demands: Sequence[Demand], budget: float | None, audio: float = 0.0
) -> dict[str, int | None]:
    """Layer index per track within `budget` bit/s (None: unlimited); None means paused.

    `audio` bit/s are taken off first.

    Every picture gets its smallest living layer before any gets a larger one, the most important
    first; what does not fit at all is paused rather than starving everybody.
    """
    best = {demand.track_sid: best_alive(demand) for demand in demands}
    if budget is None:
        return best
    left = budget - audio
    chosen: dict[str, int | None] = dict.fromkeys(best)
    ordered = sorted(demands, key=lambda demand: -demand.priority)
    for demand in ordered:
        top = best[demand.track_sid]
        if top is None:
            continue
        smallest = next((i for i in range(top) if demand.layers[i].alive), top)
        cost = rate(demand, smallest)
        if cost <= left:
            chosen[demand.track_sid] = smallest
            left -= cost
    for demand in ordered:
        top, now = best[demand.track_sid], chosen[demand.track_sid]
        if top is None or now is None:
            continue
        for index in range(top, now, -1):
            extra = rate(demand, index) - rate(demand, now)
            if demand.layers[index].alive and extra <= left:
                chosen[demand.track_sid] = index
                left -= extra
                break
    return chosen
