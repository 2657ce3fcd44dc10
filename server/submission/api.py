"""Handlers of the submission routes."""

from typing import Any

from server.http.call import Call


async def list_peers(call: Call) -> Any:
    raise NotImplementedError


async def make_code(call: Call) -> Any:
    raise NotImplementedError


async def enrol(call: Call) -> Any:
    raise NotImplementedError


async def confirm(call: Call) -> Any:
    raise NotImplementedError


async def accept_enrolment(call: Call) -> Any:
    raise NotImplementedError


async def take_schedule(call: Call) -> Any:
    raise NotImplementedError


async def take_running(call: Call) -> Any:
    raise NotImplementedError


async def take_report(call: Call) -> Any:
    raise NotImplementedError


async def peer_recording(call: Call) -> Any:
    raise NotImplementedError


async def peer_recording_file(call: Call) -> Any:
    raise NotImplementedError
