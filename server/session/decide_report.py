"""The law of the report after the end: receipt, review, and a correction of a returned one."""

from server.session import events as e
from server.session.law import Case, Events
from server.session.models import CorrectReport
from server.session.refusal import Refused
from server.session.stages import ENDED
from server.session.state import State


def returned(state: State) -> e.ReportReviewed | None:
    """The return that asks for a correction now: of the newest report, not answered yet."""
    review = state.review
    if review is None or review.state != "returned" or review.sha256 != state.report_sealed:
        return None
    if any(made.corrects == review.sha256 for made in state.corrections):
        return None
    return review


def ready_to_correct(case: Case) -> None:
    if returned(case.state) is None:
        raise Refused("report_not_returned")


def correct_report(case: Case) -> Events:
    """An addendum in the log; the worker seals it with the report as a new version."""
    body: CorrectReport = case.body
    review = returned(case.state)
    text = body.text.strip()
    if review is None:
        raise Refused("report_not_returned")
    if not text:
        raise Refused("text_missing")
    return [e.ReportCorrected(len(case.state.corrections) + 2, review.sha256, text)]


def numbered(state: State, event: e.DocumentsNumbered) -> Events:
    """Once, after the end and before anything is sealed. Raises Refused."""
    if state.stage not in ENDED or (state.report_sealed and not state.numbers):
        raise Refused("not_for_others_to_note")
    return [] if state.numbers else [event]


def received(state: State, event: e.ReportReceived) -> Events:
    known = state.report_received
    return [] if known is not None and known[3] == event.sha256 else [event]


def reviewed(state: State, event: e.ReportReviewed) -> Events:
    """Only of the report that the log names as the newest. Raises Refused."""
    if event.sha256 != state.report_sealed:
        raise Refused("review_of_another_report")
    known = state.review
    same = known is not None and (known.sha256, known.reviewed_at) == (
        event.sha256,
        event.reviewed_at,
    )
    return [] if same else [event]
