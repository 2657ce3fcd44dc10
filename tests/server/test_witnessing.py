"""What a headless device checks, held against what a real application sends it."""

import copy
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from server.app import build_services
from server.config import Config
from server.session.patch import patched
from server.witnessing import HistoryChanged, Watch
from tests.server.session.town import (
    SESSION,
    Person,
    application,
    heard,
    persons,
    recorder,
    settings,
    settle,
)
from voting.signing import PrivateKey, statement_hash

Message = dict[str, Any]
COMMAND = "command0001"


@dataclass
class Heard:
    """What one device was sent while the chair opened the session."""

    told: Message
    before: list[Message] = field(default_factory=list)
    update: Message = field(default_factory=dict)
    ack: Message = field(default_factory=dict)

    def watch(self) -> Watch:
        """Of a device that has taken all but the last update."""
        watch = Watch.of(SESSION, self.told)
        for message in self.before:
            watch.take(message["headers"], message["head"], None)
        return watch


@pytest.fixture
async def chair(tmp_path: Path) -> AsyncIterator[Person]:
    config = Config.load(settings(tmp_path))
    tokens = await settle(config)
    services = build_services(config)
    async with application(config) as address, persons(services, tokens, address) as people:
        with recorder(services):
            yield people["p01"]
    services.database.close()


async def listen(chair: Person) -> Heard:
    address = f"http://{chair.address}/api/installation"
    found = Heard((await chair.http.get(address)).json())
    async with chair.live() as socket:
        message = await heard(socket, "snapshot")
        view = message["view"]

        async def update() -> Message:
            """With the head that stands in the view after it."""
            nonlocal view
            told = await heard(socket, "update")
            view = patched(view, told["patch"])
            return told | {"head": view["head"]}

        found.before.append(message | {"head": view["head"]})
        while "open" not in view["may"]:
            found.before.append(await update())
        found.ack = await chair.give("open", command_id=COMMAND)
        found.update = await update()
        while not found.update["headers"]:
            found.before.append(found.update)
            found.update = await update()
    return found


async def test_a_real_session_passes_and_every_forgery_of_it_is_noticed(chair: Person):
    found = await listen(chair)
    watch = found.watch()
    watch.answered(found.ack, COMMAND)
    watch.take(found.update["headers"], found.update["head"], None)
    assert watch.headers[-1]["hash"] == found.update["head"]["hash"]
    stranger = PrivateKey.generate()
    for forge in forgeries(stranger):
        update = copy.deepcopy(found.update)
        forge(update)
        watch = found.watch()
        with pytest.raises(HistoryChanged):  # the traceback names the forgery
            watch.take(update["headers"], update["head"], None)


def forgeries(stranger: PrivateKey) -> tuple[Callable[[Message], None], ...]:
    def resign(update: Message) -> None:
        head = update["head"]
        said = {"session": SESSION} | {name: head[name] for name in ("seq", "hash", "time")}
        head["signature"] = stranger.sign(said)

    def rewrite(update: Message) -> None:
        """Another actor, with the line's hash computed anew: well linked, but not signed."""
        line = update["headers"][-1]
        line["actor"] = "p09"
        covered = {k: v for k, v in line.items() if k != "hash"}
        line["hash"] = update["head"]["hash"] = statement_hash({"session": SESSION} | covered)

    def alter(update: Message) -> None:
        update["headers"][-1]["actor"] = "p09"

    def withhold(update: Message) -> None:
        update["headers"] = []

    def relink(update: Message) -> None:
        update["headers"][0]["prev"] = "0" * 64

    def rename(update: Message) -> None:
        update["head"]["key_id"] = stranger.key_id

    return resign, rewrite, alter, withhold, relink, rename


async def test_an_answer_is_believed_only_signed_and_about_this_act_and_this_log(chair: Person):
    found = await listen(chair)
    for change in ({"subject": "other"}, {"hash": "0" * 64}, {"signature": "A" * 86}, {"seq": 2}):
        with pytest.raises(HistoryChanged):
            found.watch().answered(found.ack | change, COMMAND)
    with pytest.raises(HistoryChanged):
        found.watch().answered(found.ack, "command0002")
    promised = found.watch()
    promised.answered(found.ack, COMMAND)
    promised.answers[found.ack["seq"]] = "0" * 64
    with pytest.raises(HistoryChanged, match="acknowledged"):
        promised.take(found.update["headers"], found.update["head"], None)


async def test_a_countersignature_is_the_committees_over_this_very_log(chair: Person):
    found = await listen(chair)
    committee = PrivateKey.generate()
    watch = found.watch()
    watch.witness = committee.public
    last = watch.headers[-1]
    told = {"seq": last["seq"], "head": last["hash"], "received_at": "2026-12-03T12:30:00.000Z"}
    said = {"purpose": "countersignature", "session": SESSION} | told
    good = told | {"key_id": committee.key_id, "signature": committee.sign(said)}
    watch.take(found.before[-1]["headers"], found.before[-1]["head"], good)
    for change in ({"head": "0" * 64}, {"received_at": "2026-12-03T12:31:00.000Z"}):
        with pytest.raises(HistoryChanged):
            watch.take(found.before[-1]["headers"], found.before[-1]["head"], good | change)
