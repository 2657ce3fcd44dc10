from aioice import stun

from signaling.client.ice import CONSENT_LOST_AFTER, Address, IceAgent

SERVER: Address = ("127.0.0.1", 7882)
UFRAG, PASSWORD = "server", "p" * 24


class LiteServer:
    """Answers checks as an ICE-lite server would; `password` other than ours is refused."""

    def __init__(self) -> None:
        self.nominated = False
        self.conflict = False

    def answer(self, data: bytes) -> bytes:
        request = stun.parse_message(data)
        assert request.check_message_integrity(PASSWORD.encode())
        self.nominated |= "USE-CANDIDATE" in request.attributes
        kind = stun.Class.ERROR if self.conflict else stun.Class.RESPONSE
        reply = stun.Message(stun.Method.BINDING, kind, request.transaction_id)
        if self.conflict:
            reply.attributes["ERROR-CODE"] = (487, "Role Conflict")
        reply.attributes["XOR-MAPPED-ADDRESS"] = ("127.0.0.1", 4000)
        reply.add_message_integrity(PASSWORD.encode())
        return bytes(reply)


def agent(*, controlling: bool = True) -> IceAgent:
    made = IceAgent(controlling=controlling, now=0)
    made.set_remote(UFRAG, PASSWORD)
    made.add_candidate(SERVER)
    return made


def connected() -> IceAgent:
    made, server = agent(), LiteServer()
    for data, address in made.poll(1):
        made.receive(server.answer(data), address, 1)
    assert made.selected == SERVER
    assert server.nominated
    return made


def test_a_check_is_repeated_until_the_server_answers() -> None:
    made, server = agent(), LiteServer()
    (lost,) = made.poll(1)
    assert lost[1] == SERVER
    assert made.poll(1.05) == []
    (again,) = made.poll(1.1)
    made.receive(server.answer(again[0]), SERVER, 1.2)
    assert made.selected == SERVER


def test_an_answer_from_elsewhere_or_unsigned_selects_nothing() -> None:
    made, server = agent(), LiteServer()
    (check,) = made.poll(1)
    answer = server.answer(check[0])
    made.receive(answer, ("127.0.0.1", 9), 1)
    assert made.selected is None
    (check,) = made.poll(2)
    forged = stun.parse_message(server.answer(check[0]))
    forged.add_message_integrity(b"another password")
    made.receive(bytes(forged), SERVER, 2)
    assert made.selected is None


def test_a_role_conflict_is_settled_by_taking_the_other_role() -> None:
    made, server = agent(controlling=False), LiteServer()
    server.conflict = True
    (check,) = made.poll(1)
    again = made.receive(server.answer(check[0]), SERVER, 1)
    server.conflict = False
    made.receive(server.answer(again[0][0]), SERVER, 1)
    assert made.controlling
    assert made.selected == SERVER


def test_a_full_server_checks_us_and_is_answered() -> None:
    made = IceAgent(controlling=False, now=0)
    made.set_remote(UFRAG, PASSWORD)
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = f"{made.ufrag}:{UFRAG}"
    request.add_message_integrity(made.password.encode())
    reply, check = made.receive(bytes(request), SERVER, 1)
    answer = stun.parse_message(reply[0])
    assert answer.check_message_integrity(made.password.encode())
    made.receive(LiteServer().answer(check[0]), SERVER, 1)
    assert made.selected == SERVER


def test_silence_makes_consent_urgent_and_its_loss_known() -> None:
    made = connected()
    now, checks = 1.0, 0
    while now < 4:
        now += 0.5
        made.heard(now)
        checks += len(made.poll(now))
    assert checks == 1
    while made.alive(now):
        now += 0.5
        checks += len(made.poll(now))
    assert now - 1 < CONSENT_LOST_AFTER + 1
    assert checks >= 4


def test_junk_is_dropped() -> None:
    assert connected().receive(bytes(20), SERVER, 1) == []
