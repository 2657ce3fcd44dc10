"""Which version of each track a subscriber gets, by wish, liveness and bandwidth. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from signaling.sfu.temporal import ALL

GUESSED = (150_000, 500_000, 1_700_000)  # bit/s of a layer not measured yet, small to large
HEADERS = 1.06  # of a picture's payload: what RTP, SRTP, UDP and IP add
# What is shown may take a little more than there is, and what is new must fit with room to spare:
# rates vary from second to second, and a picture that changes its size all the time is worse.
KEEP, TAKE = 0.9, 1.1


@dataclass(frozen=True, slots=True)
class LayerState:
    """One layer of a track as it comes in; `bitrate` in bit/s without headers."""

    alive: bool
    bitrate: float


@dataclass(frozen=True, slots=True)
class Option:
    """Layer `layer` with temporal layers up to `temporal`, for `cost` bit/s on the line."""

    layer: int
    temporal: int
    cost: float


@dataclass(frozen=True, slots=True)
class Demand:
    """A wish for one video track: `options` from the cheapest to the best, `current` among them.

    Demands of a higher `priority` are served first; equal ones share, larger `area` first.
    """

    track_sid: str
    options: Sequence[Option]
    current: int | None = None
    priority: tuple[int, ...] = ()
    area: int = 0


def options(
    layers: Sequence[LayerState],
    wanted: int,
    shares: Sequence[float],
    temporal: int,
    guessed: bool = False,
) -> list[Option]:
    """What can be had of a track, at most layer `wanted` with temporal layers up to `temporal`.

    `shares` are the parts of a layer's rate that its temporal layers need, cumulated; the last of
    them means ALL, in case there are more after all. If they are only `guessed`, they serve to
    begin with the smallest layer. A larger
    picture of the lowest frame rate is no option: fluent and small is better. With no layer up to
    the wish alive the next one above it is the only option, and with none at all the wish itself.
    """
    top = min(wanted, len(layers) - 1)
    usable = [index for index in range(top + 1) if layers[index].alive]
    if not usable:
        above = (index for index in range(top + 1, len(layers)) if layers[index].alive)
        usable = [next(above, top)]
    last = min(temporal, len(shares) - 1)
    return [
        Option(
            index,
            level if level < len(shares) - 1 else ALL,
            rate(layers[index], index) * shares[level] * HEADERS,
        )
        for index in usable
        for level in range(0 if index == usable[0] else last if guessed else min(1, last), last + 1)
    ]


def rate(layer: LayerState, index: int) -> float:
    return layer.bitrate or GUESSED[min(index, len(GUESSED) - 1)]


def allocate(
    demands: Sequence[Demand], budget: float | None, audio: float = 0.0
) -> dict[str, int | None]:
    """Index of an option per track within `budget` bit/s (None: unlimited); None means paused.

    `audio` bit/s are taken off first: sound is never paused. Then every picture gets its cheapest
    option before any gets a better one; only those of a higher priority become fluent before
    others get anything. What does not fit at all is paused rather than starving everybody. What is
    left raises the pictures of each priority in turns, step by step.
    """
    if budget is None:
        return {demand.track_sid: len(demand.options) - 1 for demand in demands}
    left = budget - audio
    chosen: dict[str, int | None] = {}
    ordered = sorted(demands, key=lambda d: (d.priority, d.area), reverse=True)
    groups = [list(group) for _, group in groupby(ordered, key=lambda demand: demand.priority)]
    for group in groups:
        for demand in group:
            fits = _needed(demand, 0) <= left
            chosen[demand.track_sid] = 0 if fits else None
            left -= demand.options[0].cost if fits else 0
        if group is not groups[-1]:
            left = _raise(group, chosen, left, fluent=True)
    for group in groups:
        left = _raise(group, chosen, left)
    return chosen


def _raise(
    group: Sequence[Demand], chosen: dict[str, int | None], left: float, fluent: bool = False
) -> float:
    """Takes steps up in turns as long as they fit; `fluent`: only to more frames, not to more
    pixels. Returns what is left."""
    for demand, index in _steps(group, chosen):
        step, before = demand.options[index], demand.options[index - 1]
        if fluent and step.layer != before.layer:
            continue
        if _needed(demand, index) - before.cost <= left:
            chosen[demand.track_sid] = index
            left -= step.cost - before.cost
    return left


def _needed(demand: Demand, index: int) -> float:
    """What must be left for an option: less to keep it than to begin with it."""
    kept = demand.current is not None and index <= demand.current
    return demand.options[index].cost * (KEEP if kept else TAKE)


def _steps(group: Sequence[Demand], chosen: dict[str, int | None]) -> Iterator[tuple[Demand, int]]:
    """Each picture's next better option in turns, as long as its last one was taken."""
    rounds = max(len(demand.options) for demand in group)
    for index in range(1, rounds):
        for demand in group:
            if index < len(demand.options) and chosen[demand.track_sid] == index - 1:
                yield demand, index
