"""The law: every command by its route's name. `decide` is pure; refusals are raised."""

from collections.abc import Iterable

from server.http.routing import As
from server.session import decide_agenda as agenda
from server.session import decide_closing as closing
from server.session import decide_devices as devices
from server.session import decide_opening as opening
from server.session import decide_report as report
from server.session import decide_votes as votes
from server.session.law import Case, Events, Law, Laws, check
from server.session.refusal import Refused
from server.session.sensible import sensible
from server.session.stages import COUNTED, ENDED, GATHERING, RUNNING, WORKING, Stage

_LATE = frozenset({Stage.ITEMS, Stage.CONCLUDING, Stage.MINUTES})
_SPEAKING = frozenset({Stage.ROLL_CALL, Stage.AGENDA}) | _LATE
_ITEMS = frozenset({Stage.ITEMS})


def _only(*stages: Stage) -> frozenset[Stage]:
    return frozenset(stages)


_CHAIR, _BOTH, _ANY = As.CHAIR, As.CHAIR_OR_SECRETARY, As.PARTICIPANT

LAWS: Laws = {
    "open": Law(_CHAIR, GATHERING, opening.open_session, opening.ready_to_open),
    "name-secretary": Law(_CHAIR, RUNNING, opening.name_secretary),
    "start-roll-call": Law(
        _BOTH, _only(Stage.OPEN), opening.start_roll_call, opening.ready_for_roll_call
    ),
    "check-in": Law(_ANY, COUNTED, opening.check_in),
    "check-in-by-code": Law(_ANY, COUNTED, opening.check_in_by_code, opening.ready_hybrid),
    "mark-in-room": Law(_BOTH, COUNTED, opening.mark_in_room, opening.ready_hybrid),
    "mark-absent": Law(_BOTH, COUNTED, opening.mark_absent),
    "vouch": Law(_BOTH, COUNTED, opening.vouch),
    "finish-roll-call": Law(
        _CHAIR,
        _only(Stage.ROLL_CALL),
        opening.finish_roll_call,
        opening.ready_to_finish_roll_call,
    ),
    "approve-agenda": Law(
        _CHAIR, _only(Stage.AGENDA), opening.approve_agenda, opening.ready_to_approve_agenda
    ),
    "start-item": Law(_CHAIR, _ITEMS, agenda.start_item, agenda.ready_to_start_item),
    "finish-item": Law(_CHAIR, _ITEMS, agenda.finish_item),
    "postpone-item": Law(_CHAIR, _ITEMS, agenda.postpone_item),
    "ask-floor": Law(_ANY, _SPEAKING, agenda.ask_floor),
    "withdraw-floor": Law(_ANY, RUNNING, agenda.withdraw_floor),
    "give-floor": Law(_CHAIR, _SPEAKING, agenda.give_floor, agenda.ready_to_give_floor),
    "end-floor": Law(_CHAIR, RUNNING, agenda.end_floor, agenda.ready_to_end_floor),
    "leave-floor": Law(_ANY, RUNNING, agenda.leave_floor),
    "mute": Law(_CHAIR, RUNNING | GATHERING, agenda.mute),
    "remove": Law(_CHAIR, RUNNING | GATHERING, agenda.remove),
    "revoke-device": Law(_ANY, COUNTED | RUNNING | GATHERING, devices.revoke_device),
    "leave": Law(_ANY, RUNNING, opening.leave),
    "note": Law(_BOTH, COUNTED, agenda.add_note),
    "reserve-opinion": Law(_ANY, _LATE, agenda.reserve_opinion),
    "propose-motion": Law(_CHAIR, _ITEMS, votes.propose_motion),
    "open-vote": Law(_CHAIR, _ITEMS, votes.open_vote),
    "extend-vote": Law(_CHAIR, _ITEMS, votes.extend_vote),
    "cast-ballot": Law(_ANY, COUNTED, votes.cast_ballot),
    "enter-hand": Law(_BOTH, COUNTED, votes.enter_hand),
    "close-vote": Law(_CHAIR, _ITEMS, votes.close_vote),
    "object": Law(_ANY, COUNTED, votes.object_to_vote),
    "announce": Law(_CHAIR, _ITEMS, votes.announce),
    "void-vote": Law(_CHAIR, _ITEMS, votes.void_vote),
    "repeat-vote": Law(_CHAIR, _ITEMS, votes.repeat_vote),
    "allow-chat": Law(_CHAIR, RUNNING | GATHERING, agenda.allow_chat),
    "say": Law(_ANY, WORKING, agenda.say_message),
    "recess": Law(
        _CHAIR,
        _only(Stage.AGENDA, Stage.ITEMS, Stage.CONCLUDING, Stage.MINUTES),
        closing.begin_recess,
        closing.ready_for_recess,
    ),
    "resume": Law(_CHAIR, _only(Stage.RECESS), closing.resume, closing.ready_to_resume),
    "conclude": Law(_CHAIR, _ITEMS, closing.conclude, closing.ready_to_conclude),
    "read-minutes": Law(
        _CHAIR,
        _only(Stage.CONCLUDING, Stage.MINUTES),
        closing.read_minutes,
        closing.ready_to_read_minutes,
    ),
    "agree-minutes": Law(
        _CHAIR, _only(Stage.MINUTES), closing.agree_minutes, closing.ready_to_agree_minutes
    ),
    "close": Law(_CHAIR, _only(Stage.MINUTES), closing.close, closing.ready_to_close),
    "adjourn": Law(_CHAIR, RUNNING | GATHERING, closing.adjourn),
    "abandon": Law(_CHAIR, RUNNING | GATHERING, closing.abandon),
    "take-chair": Law(
        As.DEPUTY, RUNNING | GATHERING, closing.take_chair, closing.ready_to_take_chair
    ),
    "correct-report": Law(_BOTH, ENDED, report.correct_report, report.ready_to_correct),
    "hand-chair": Law(_CHAIR, RUNNING | GATHERING, closing.hand_chair),
}


def decide(command: str, case: Case) -> Events:
    """The events that this command makes; none when it is already so.

    Raises Refused, and then nothing happens. KeyError for a command that no route has.
    """
    law = LAWS[command]
    check(law, case)
    return law.decide(case)


def allowed(case: Case, commands: Iterable[str] = LAWS) -> list[str]:
    """The commands this actor may give now to some purpose, as far as can be told without a body.

    Who gives another one all the same is refused in words, or changes nothing.
    """
    found = []
    for command in commands:
        try:
            check(LAWS[command], case)
        except Refused:
            continue
        if sensible(command, case):
            found.append(command)
    return found
