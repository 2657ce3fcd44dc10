"""What the upper committee is told while a session runs: head, stage, counts, results, no names."""

from collections.abc import Iterable, Sequence
from typing import Any

from server.session.attendance import quorum_now
from server.session.chain import Entry
from server.session.state import MotionStage, State
from server.submission.directory import KEY_EVENTS
from server.submission.models import KeyPayload, RunningBody

BATCH = 1500  # headers in one message; about 600 kB


def header_of(entry: Entry) -> dict[str, Any]:
    """The header with its hash, without the payload."""
    return {**entry.header(), "hash": entry.hash}


def keys_of(entries: Iterable[Entry]) -> list[KeyPayload]:
    """The payloads of device keys among these lines."""
    return [
        KeyPayload(seq=entry.seq, salt=entry.salt, body=entry.body)
        for entry in entries
        if entry.type in KEY_EVENTS
    ]


def running_body(
    state: State,
    headers: Sequence[dict[str, Any]],
    keys: Sequence[KeyPayload],
    after: int,
    until: int | None = None,
) -> RunningBody:
    """The message that tells the headers after line `after`, at most a batch of them.

    `headers` and `keys` are all of the log, from line 1. Its `seq` and `head` are of the last
    header told.
    """
    told = list(headers[after : min(until or len(headers), after + BATCH)])
    last = told[-1] if told else headers[after - 1]
    quorum = quorum_now(state)
    item = state.items.get(state.current or "")
    return RunningBody(
        session_id=state.session,
        cell_id=state.convened.cell_id,
        cell_name=state.convened.cell_name,
        title=state.convened.title,
        starts_at=state.starts_at,
        opened_at=state.opened_at,
        stage=state.stage.value,
        item=f"{item.line.number}. {item.line.title}" if item else "",
        present=quorum.present,
        base=quorum.base,
        needed=quorum.needed_half,
        results=[
            {"title": m.text, "arithmetic": m.result.sentence_vi, "passed": m.result.passed}
            for m in state.motions.values()
            if m.stage is MotionStage.ANNOUNCED and m.result
        ],
        recorder=state.recorder.stage.value,
        seq=last["seq"],
        head=last["hash"],
        prev_seq=after,
        headers=told,
        keys=[key for key in keys if after < key.seq <= last["seq"]],
    )
