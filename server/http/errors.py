"""What a request can be refused for, and the one place where refusals become answers.

Refused
├── BadInput (400)      the body or path is not what the route takes
├── NotSignedIn (401)   nobody, or nobody any more
├── Forbidden (403)     known, but not allowed
├── NotFound (404)      not there, or not for this caller's eyes
├── Conflict (409)      not lawful or not possible in the present state
├── TooLarge (413)
├── TooMany (429)       slowed down; `retry_after` in seconds
└── Unavailable (503)   something we depend on is away; try again
"""

import structlog
from starlette.responses import JSONResponse

from server.http.model import Problem
from server.texts import UnknownText, say

Param = str | int | None
log = structlog.get_logger()


class Refused(Exception):
    """A refusal with a stable `code`; its sentence is `refused.<code>` of the texts."""

    status = 400

    def __init__(self, code: str, **params: Param) -> None:
        super().__init__(code)
        self.code = code
        self.params = params

    @property
    def message(self) -> str:
        return say(f"refused.{self.code}", **self.params)


class BadInput(Refused):
    status = 400


class NotSignedIn(Refused):
    status = 401

    def __init__(self, code: str = "not_signed_in", **params: Param) -> None:
        super().__init__(code, **params)


class Forbidden(Refused):
    status = 403

    def __init__(self, code: str = "forbidden", **params: Param) -> None:
        super().__init__(code, **params)


class NotFound(Refused):
    status = 404

    def __init__(self, code: str = "not_found", **params: Param) -> None:
        super().__init__(code, **params)


class Conflict(Refused):
    status = 409


class TooLarge(Refused):
    status = 413

    def __init__(self, code: str = "too_large", **params: Param) -> None:
        super().__init__(code, **params)


class TooMany(Refused):
    status = 429

    def __init__(self, code: str, retry_after: int, **params: Param) -> None:
        super().__init__(code, retry_after=retry_after, **params)
        self.retry_after = retry_after


class Unavailable(Refused):
    status = 503


def problem_of(error: Exception) -> tuple[int, Problem]:
    """Status and body for any exception; what is not a Refused is logged and never shown."""
    if isinstance(error, Refused):
        try:
            message = error.message
        except UnknownText:
            log.error("text_missing", refusal=error.code)
            message = say("refused.without_text")
        return error.status, Problem(code=error.code, message=message, params=error.params)
    log.error("unexpected", exc_info=error)
    return 500, Problem(code="internal", message=say("refused.internal"))


def problem_response(error: Exception) -> JSONResponse:
    status, problem = problem_of(error)
    headers = {"Cache-Control": "no-store"}
    if isinstance(error, TooMany):
        headers["Retry-After"] = str(error.retry_after)
    return JSONResponse(problem.model_dump(), status, headers)
