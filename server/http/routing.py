"""What one row of the route table is, and who may call it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from server.http.model import Model


class Who(Enum):
    """The relation a caller must have to what the path names. Checked before the handler runs."""

    ANYONE = "anyone"
    PASSWORD_GIVEN = "password_given"  # password checked, second factor still missing
    SIGNED_IN = "signed_in"  # password and second factor
    CELL_MEMBER = "cell_member"  # of {cell_id}, not a former one
    CELL_LEADER = "cell_leader"  # secretary or deputy of {cell_id}
    CELL_KEEPER = "cell_keeper"  # leader of {cell_id}, or an administrator
    PARTICIPANT = "participant"  # on the roster of {session_id}, not removed
    SESSION_LEADER = "session_leader"  # secretary or deputy of the cell that holds {session_id}
    SECRETARY_OF_MEMBER = "secretary_of_member"  # leader of the cell that {member_id} belongs to
    KEEPER_OF_MEMBER = "keeper_of_member"  # that leader, or an administrator
    OFFICER = "officer"  # of the upper committee
    OFFICER_STEPPED_UP = "officer_stepped_up"  # and proved the second factor in the last 10 minutes
    ADMINISTRATOR = "administrator"
    RECORDER = "recorder"  # service key
    WORKER = "worker"  # a key that only holders of the installation's key files can derive
    PEER = "peer"  # another installation, by the signature of its enrolled key
    METRICS = "metrics"  # loopback, or the metrics token


class As(Enum):
    """What a participant must be in the session for a command; checked with the fresh state."""

    PARTICIPANT = "participant"
    CHAIR = "chair"
    SECRETARY = "secretary"  # named session secretary; the chair may do it as well
    CHAIR_OR_SECRETARY = "chair_or_secretary"
    DEPUTY = "deputy"


Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """One row: `GET`/`POST`/`PUT`/`DELETE`/`WS`, path, models, who, handler."""

    method: str
    path: str
    body: type[Model] | None
    answer: type[Model] | None  # None: the handler answers with a file or a stream
    who: Who
    handler: Handler
    role: As | None = None  # only for session commands
    max_body: int = 64 * 1024  # bytes
    summary: str = ""
