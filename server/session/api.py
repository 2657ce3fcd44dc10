"""Handlers of the session routes."""

from typing import Any

from server.http.call import Call


async def show_view(call: Call) -> Any:
    raise NotImplementedError


async def live(call: Call) -> Any:
    raise NotImplementedError


async def show_chain(call: Call) -> Any:
    raise NotImplementedError


async def certify_device(call: Call) -> Any:
    raise NotImplementedError


async def media_token(call: Call) -> Any:
    raise NotImplementedError


async def pair_room(call: Call) -> Any:
    raise NotImplementedError


async def join_as_room(call: Call) -> Any:
    raise NotImplementedError


async def give_command(call: Call) -> Any:
    raise NotImplementedError
