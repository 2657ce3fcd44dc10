"""What a client may ask over its signalling socket: one handler per message."""

from __future__ import annotations

from livekit.protocol.models import DisconnectReason
from livekit.protocol.rtc import (
    LeaveRequest,
    Pong,
    RequestResponse,
    SignalRequest,
    SignalResponse,
    SimulateScenario,
    SyncState,
)

from signaling.session import Session
from signaling.wire import decode


def dispatch(session: Session, data: bytes, now_ms: int) -> bool:
    """Carries out one request. Returns False if the client is leaving. Raises MalformedMessage."""
    request = decode(data)
    room = session.room
    state, sid = room.state, session.sid
    match request.WhichOneof("message"):
        case "offer":
            session.on_offer(request.offer)
        case "answer":
            session.on_answer(request.answer)
        case "add_track":
            room.execute(state.add_track(sid, request.add_track))
            session.claim_sections()
        case "mute":
            room.execute(state.mute(sid, request.mute.sid, request.mute.muted))
        case "subscription":
            choice = request.subscription
            room.execute(
                state.choose(sid, choice.subscribe, choice.track_sids, choice.participant_tracks)
            )
        case "track_setting":
            session.on_track_setting(request.track_setting)
        case "subscription_permission":
            room.execute(state.restrict(sid, request.subscription_permission))
        case "update_metadata":
            room.execute(state.own_metadata(sid, request.update_metadata))
        case "sync_state":
            _sync(session, request.sync_state)
        case "ping":
            session.send(SignalResponse(pong=now_ms))
        case "ping_req":
            _pong(session, request, now_ms)
        case "leave":
            room.remove(session, DisconnectReason.CLIENT_INITIATED)
            return False
        case "simulate":
            return _simulate(session, request.simulate)
        case "publish_data_track_request":
            response = RequestResponse(
                reason=RequestResponse.NOT_ALLOWED,
                message="data tracks are not supported",
                publish_data_track=request.publish_data_track_request,
            )
            session.send(SignalResponse(request_response=response))
        case (
            "trickle"  # the client's candidates are of no use to an ICE-lite server
            | "update_layers"
            | "update_audio_track"
            | "update_video_track"
            | "unpublish_data_track_request"
            | "update_data_subscription"
            | "store_data_blob_request"
            | "get_data_blob_request"
            | None  # a message newer than our protocol version
        ):
            pass
        case other:
            raise AssertionError(f"no handler for {other}")
    return True


def _pong(session: Session, request: SignalRequest, now_ms: int) -> None:
    pong = Pong(last_ping_timestamp=request.ping_req.timestamp, timestamp=now_ms)
    session.send(SignalResponse(pong=now_ms))
    session.send(SignalResponse(pong_resp=pong))


def _sync(session: Session, sync: SyncState) -> None:
    """After a resume: the client's choices, in case the last ones were lost with the socket."""
    choice = sync.subscription
    session.room.execute(
        session.room.state.choose(
            session.sid, choice.subscribe, choice.track_sids, choice.participant_tracks
        )
    )


def _simulate(session: Session, scenario: SimulateScenario) -> bool:
    """Faults a client may ask for, to test its own recovery."""
    match scenario.WhichOneof("scenario"):
        case "node_failure" | "server_leave" | "leave_request_full_reconnect":
            session.room.remove(session, DisconnectReason.SERVER_SHUTDOWN, LeaveRequest.RECONNECT)
            return False
        case "disconnect_signal_on_resume" | "disconnect_signal_on_resume_no_messages":
            return False
        case _:
            return True
