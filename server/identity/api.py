"""Handlers of the identity routes."""

from typing import Any

from server.http.call import Call


async def installation(call: Call) -> Any:
    raise NotImplementedError


async def demo_people(call: Call) -> Any:
    raise NotImplementedError


async def give_password(call: Call) -> Any:
    raise NotImplementedError


async def give_factor(call: Call) -> Any:
    raise NotImplementedError


async def begin_totp(call: Call) -> Any:
    raise NotImplementedError


async def confirm_totp(call: Call) -> Any:
    raise NotImplementedError


async def sign_out(call: Call) -> Any:
    raise NotImplementedError


async def me(call: Call) -> Any:
    raise NotImplementedError


async def prove_factor(call: Call) -> Any:
    raise NotImplementedError


async def change_password(call: Call) -> Any:
    raise NotImplementedError


async def list_sign_ins(call: Call) -> Any:
    raise NotImplementedError


async def revoke_sign_in(call: Call) -> Any:
    raise NotImplementedError


async def use_one_time_link(call: Call) -> Any:
    raise NotImplementedError


async def issue_card(call: Call) -> Any:
    raise NotImplementedError


async def request_reset(call: Call) -> Any:
    raise NotImplementedError


async def list_resets(call: Call) -> Any:
    raise NotImplementedError


async def approve_reset(call: Call) -> Any:
    raise NotImplementedError
