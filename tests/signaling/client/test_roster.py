from livekit.protocol.models import ParticipantInfo, TrackInfo, TrackSource

from signaling.client.roster import Roster


def person(muted: bool = False, state: str = "ACTIVE") -> ParticipantInfo:
    track = TrackInfo(sid="TR_1", source=TrackSource.MICROPHONE, muted=muted)
    return ParticipantInfo(sid="PA_1", identity="an", state=state, tracks=[track])


def test_a_mute_is_told_once() -> None:
    roster = Roster("PA_me")
    assert roster.update([person()]) == []
    assert roster.update([person(muted=True)]) == [("TR_1", True)]
    assert roster.update([person(muted=True)]) == []
    assert roster.participants()[0].tracks == (("TR_1", "microphone", True),)


def test_whoever_left_is_gone_with_the_tracks() -> None:
    roster = Roster("PA_me")
    roster.update([person()])
    roster.update([person(state="DISCONNECTED")])
    assert roster.participants() == []
    assert roster.track("TR_1") is None


def test_the_client_itself_is_not_listed() -> None:
    roster = Roster("PA_1")
    roster.update([person()])
    assert roster.participants() == []
