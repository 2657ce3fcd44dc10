"""Two installations come to trust each other's keys, by a code and by people who compare."""

from datetime import UTC, datetime, timedelta

import pytest

from server.http.errors import BadInput, Refused
from server.store import submission as store
from server.submission import enrolment
from tests.server.submission.installations import Installation, enrol, ok, signed_post
from voting.signing import PrivateKey, to_base64url


async def test_both_administrators_confirm_before_anything_is_taken(
    cell_side: Installation, committee: Installation
):
    here = await cell_side.officer("administrator")
    there = await committee.officer("administrator")
    async with here, there:
        code = ok(await there.post("/api/admin/peers/code"))["code"]
        added = ok(await here.post("/api/admin/peers", json={"url": committee.url, "code": code}))
        assert not added["confirmed"]
        refused = await signed_post(cell_side, committee, "/api/peer/schedule", b"{}")
        assert (refused.status_code, refused.json()["code"]) == (401, "peer_unknown")
        again = await here.post("/api/admin/peers", json={"url": committee.url, "code": code})
        assert again.json()["code"] == "peer_code"
        theirs = ok(await there.get("/api/admin/peers"))["peers"]
        ok(await there.post(f"/api/admin/peers/{theirs[0]['id']}/confirm"))
        known = await signed_post(cell_side, committee, "/api/peer/schedule", b"{}")
        assert known.json()["code"] == "bad_fields"


async def test_a_pair_enrols_and_cannot_be_replaced_by_another_key(
    cell_side: Installation, committee: Installation
):
    await enrol(cell_side, committee)
    stranger = PrivateKey.generate()
    row = await committee.services.database.read(store.peer_by_id, "installation1")
    values = dict(row) | {"spki": to_base64url(stranger.public.spki), "key_id": stranger.key_id}
    assert not await committee.services.database.write(store.put_peer, values)


async def test_a_code_holds_ten_minutes_and_once(cell_side: Installation):
    database, now = cell_side.services.database, datetime.now(UTC)
    code = enrolment.new_code(b"0123456789")
    hashed = enrolment.code_hash(code)
    await database.write(store.put_code, hashed, now + enrolment.CODE_LIFE)
    late = now + timedelta(minutes=10)
    assert not await database.write(store.use_code, hashed, late)
    typed = enrolment.code_hash(code.lower().replace("-", " "))
    assert await database.write(store.use_code, typed, now)
    assert not await database.write(store.use_code, hashed, now)


async def test_a_hello_with_a_changed_word_or_of_our_own_kind_is_refused(
    cell_side: Installation, committee: Installation
):
    hello = enrolment.our_hello(cell_side.services, "CODE")
    keys = committee.services.keys
    assert enrolment.key_of(hello, "CODE", keys, "committee").key_id == hello_key(cell_side)
    for change in ({"url": "http://elsewhere"}, {"name": "Another"}, {"signature": ""}):
        with pytest.raises(BadInput):
            enrolment.key_of(hello.model_copy(update=change), "CODE", keys, "committee")
    with pytest.raises(Refused) as caught:
        enrolment.key_of(hello, "CODE", keys, "cell")
    assert caught.value.code == "peer_kind"


def hello_key(installation: Installation) -> str:
    return installation.services.keys.seal.key_id


@pytest.mark.parametrize(
    "url", ["ftp://a", "http://a/path", "http://user@a", "javascript:alert(1)", "", "http://a?x"]
)
def test_an_address_is_scheme_host_and_port(url: str):
    with pytest.raises(BadInput):
        enrolment.checked_url(url)
    assert enrolment.checked_url(" https://Cap-tren.vn:8443/ ") == "https://Cap-tren.vn:8443"


def test_fingerprints_are_groups_of_four_to_read_aloud():
    groups = enrolment.fingerprint(b"key").split(" ")
    assert len(groups) == 8
    assert all(len(group) == 4 and group == group.upper() for group in groups)
