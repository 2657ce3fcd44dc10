"""A lost device: its key stops counting from that line on, for the law and for the verifier."""

import json
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from server.app import build_services
from server.config import Config
from server.http.origin import csrf_token
from server.keys import token_hash
from server.services import Services
from server.session import events as e
from server.session.refusal import Refused
from server.store import events as event_store
from server.store.database import Connection
from server.store.tables import account, role, sign_in
from server.verify.chain import read_log
from server.verify.findings import Findings
from server.verify.session import read_session
from tests.server.session.meeting import Meeting, at_vote
from tests.server.session.town import SESSION, Person, application, persons, settings, settle
from voting.signing import canonical_bytes, statement_hash

# ---- the law


def voting() -> Meeting:
    return at_vote().open_vote().cast("p02", "approve")


def test_a_ballot_by_a_revoked_key_is_refused_and_the_one_before_still_counts():
    m = voting()
    lost = m.keys["p02"]
    late = m.ballot("p02", "disapprove")
    m.give("p02", "revoke-device", key_id=lost.key_id)
    assert m.refused("p02", "cast-ballot", **late).code == "device_key_revoked"
    assert m.state.motions["m1"].ballots["p02"].choice == "approve"
    m.certify("p02").cast("p02", "abstain")
    assert m.state.motions["m1"].ballots["p02"].choice == "abstain"
    assert intact(m) == []


def test_only_the_member_ends_a_key_of_theirs_and_once():
    m = voting()
    key_id = m.keys["p02"].key_id
    assert m.refused("p03", "revoke-device", key_id=key_id).code == "device_not_certified"
    m.give("p02", "revoke-device", key_id=key_id)
    seq = m.state.seq
    m.give("p02", "revoke-device", key_id=key_id)
    assert m.state.seq == seq
    shown = m.view("p02").my_keys
    assert [one.revoked_at is not None for one in shown] == [True]


def test_a_check_in_by_a_revoked_key_is_refused():
    m = at_vote().drop("p04").connect("p04").certify("p04")
    m.give("p04", "leave").give("p04", "revoke-device", key_id=m.keys["p04"].key_id)
    with pytest.raises(Refused, match="device_key_revoked"):
        m.check_in("p04")


# ---- the verifier, of logs that an operator wrote


def intact(m: Meeting) -> list[str]:
    rows = ({**x.header(), "hash": x.hash, "salt": x.salt, "body": x.body} for x in m.entries)
    findings = Findings()
    log = read_log([canonical_bytes(row) for row in rows], findings)
    read_session(log, findings)
    return [one.sentence for one in findings.found if one.level == "broken"]


def test_the_verifier_names_a_ballot_that_a_revoked_key_signed():
    m = voting()
    late = m.ballot("p02", "disapprove")
    m.append([e.DeviceKeyRevoked("p02", m.keys["p02"].key_id, "reset")], e.SYSTEM)
    line = m.state.seq
    forced = e.BallotCast(late["ballot"], late["signature"], statement_hash(late["ballot"]))
    m.append([forced], "p02")
    assert intact(m) == [f"Phiếu ở dòng {line + 1} ký bằng khóa máy đã thu hồi ở dòng {line}."]


@pytest.mark.parametrize("actor", ["p03", "system"])
def test_the_verifier_names_a_revocation_by_nobody_entitled(actor: str):
    m = voting()
    m.append([e.DeviceKeyRevoked("p02", m.keys["p02"].key_id, "member")], actor)
    assert intact(m) == [f"Thu hồi khóa máy ở dòng {m.state.seq} không hợp lệ."]


# ---- over the wire: what ends a sign-in ends its keys


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[tuple[Services, dict[str, Person]]]:
    config = Config.load(settings(tmp_path))
    tokens = await settle(config)
    made = build_services(config)
    async with application(config) as address, persons(made, tokens, address) as people:
        yield made, people
    made.database.close()


async def revocations(services: Services) -> list[tuple[str, dict[str, Any]]]:
    lines = await services.database.read(event_store.entries_after, SESSION, 0)
    found = [line for line in lines if line.type == "device-key-revoked"]
    return [(line.actor, json.loads(line.body)["data"]) for line in found]


async def test_a_member_who_ends_a_sign_in_ends_the_key_it_had(services: Any):
    made, people = services
    lost = people["p02"]
    await lost.certify()
    url = f"http://{lost.address}/api/me/sign-ins/signin2"
    answer = await lost.http.delete(url, headers=lost.headers)
    assert answer.status_code == 200, answer.text
    told = {"person": "p02", "key_id": lost.key.key_id, "by": "member"}
    assert await revocations(made) == [("p02", told)]


async def test_the_reset_by_two_people_ends_every_key_of_the_member(services: Any):
    made, people = services
    lost, secretary = people["p02"], people["p01"]
    await lost.certify()
    base = f"http://{secretary.address}/api"
    body = {"reason": "Mất điện thoại ở chợ"}
    asked = await secretary.http.post(
        f"{base}/members/member2/reset", json=body, headers=secretary.headers
    )
    assert asked.status_code == 200, asked.text
    assert await revocations(made) == []
    headers = await administrator(made, secretary.headers)
    approve = f"{base}/admin/resets/{asked.json()['id']}/approve"
    done = await secretary.http.post(approve, headers=headers)
    assert done.status_code == 200, done.text
    told = {"person": "p02", "key_id": lost.key.key_id, "by": "reset"}
    assert await revocations(made) == [("system", told)]


async def administrator(services: Services, like: dict[str, str]) -> dict[str, str]:
    token, now = secrets.token_urlsafe(32), datetime.now(UTC)

    def write(conn: Connection) -> None:
        conn.execute(account.insert().values(id="admin", phone="0999", name="A", created_at=now))
        held = {"id": "r9", "account_id": "admin", "role": "administrator", "granted_at": now}
        conn.execute(role.insert().values(**held))
        times = dict.fromkeys(("created_at", "last_seen_at", "factor_at", "stepped_up_at"), now)
        conn.execute(
            sign_in.insert().values(
                id="signin9",
                token_hash=token_hash(token),
                account_id="admin",
                expires_at=now + timedelta(hours=1),
                **times,
            )
        )

    await services.database.write(write)
    csrf = csrf_token(services.keys, "signin9")
    return like | {"Cookie": f"chibo={token}", "X-CSRF": csrf}
