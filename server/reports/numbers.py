"""Numbers of documents as 05-HD/VPTW writes them: Số 05-NQ/CB, padded below ten."""

from collections.abc import Sequence
from datetime import datetime

from server.session.state import MotionStage, State
from server.session.times import VIETNAM
from server.texts import say
from voting.decision import DecisionKind

SYMBOLS = {"minutes": "BB", "resolution": "NQ", "report": "BC"}


def kinds_of(state: State) -> tuple[str, ...]:
    """The documents that this session makes: a resolution only when one was passed."""
    passed = any(
        motion.kind is DecisionKind.RESOLUTION
        and motion.stage is MotionStage.ANNOUNCED
        and motion.result is not None
        and motion.result.passed
        for motion in state.motions.values()
    )
    return ("minutes", "resolution", "report") if passed else ("minutes", "report")


def year_of(at: datetime) -> int:
    return at.astimezone(VIETNAM).year


def shown(kind: str, numbers: Sequence[tuple[str, int]]) -> str:
    """`Số 05-BB/CB`; with room to write one by hand where none was given."""
    number = dict(numbers).get(kind)
    text = f"{number:02d}" if number is not None else "        "
    return say("reports.number", number=text, symbol=SYMBOLS[kind])
