import base64
import gzip

import pytest
from livekit.protocol.rtc import JoinRequest, SessionDescription, WrappedJoinRequest

from signaling.errors import MalformedMessage
from signaling.wire import MAX_JOIN_REQUEST, decode, join_parameters, new_id


def wrapped(body: bytes, compressed: bool) -> str:
    message = WrappedJoinRequest(
        compression=WrappedJoinRequest.GZIP if compressed else WrappedJoinRequest.NONE,
        join_request=gzip.compress(body) if compressed else body,
    )
    return base64.urlsafe_b64encode(message.SerializeToString()).decode().rstrip("=")


@pytest.mark.parametrize("compressed", [True, False])
def test_a_join_request_brings_the_first_offer(compressed: bool) -> None:
    request = JoinRequest(publisher_offer=SessionDescription(type="offer", sdp="v=0", id=3))
    request.connection_settings.auto_subscribe = True
    query = {"join_request": wrapped(request.SerializeToString(), compressed)}
    parameters = join_parameters(query, single=True)
    assert parameters.single
    assert parameters.auto_subscribe
    assert not parameters.reconnect
    assert parameters.offer is not None
    assert parameters.offer.id == 3


def test_dual_mode_has_plain_parameters() -> None:
    query = {"auto_subscribe": "0", "reconnect": "1", "sid": "PA_x"}
    parameters = join_parameters(query, single=False)
    assert not parameters.single
    assert not parameters.auto_subscribe
    assert (parameters.reconnect, parameters.participant_sid) == (True, "PA_x")


@pytest.mark.parametrize(
    "text",
    [
        "ü",
        "A",
        "x" * 100_000,
        wrapped(b"\xff\xff\xff", False),
        wrapped(b"\0" * (MAX_JOIN_REQUEST + 1), True),
        base64.urlsafe_b64encode(
            WrappedJoinRequest(
                compression=WrappedJoinRequest.GZIP, join_request=b"not gzip"
            ).SerializeToString()
        ).decode(),
    ],
)
def test_a_join_request_that_makes_no_sense_is_malformed(text: str) -> None:
    with pytest.raises(MalformedMessage):
        join_parameters({"join_request": text}, single=True)


def test_signal_bytes_that_are_no_message_are_malformed() -> None:
    with pytest.raises(MalformedMessage):
        decode(b"\xff\xff\xff\xff")


def test_ids_carry_the_prefix_that_clients_check() -> None:
    assert new_id("PA").startswith("PA_")
    assert new_id("PA") != new_id("PA")
