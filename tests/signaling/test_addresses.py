"""Which addresses an engine announces, and whom it lets in over them."""

from __future__ import annotations

import asyncio
import os
import socket
import time

import pytest

from signaling.sfu import addresses, stun
from signaling.sfu.mux import Mux


def lines(host: str, *node_ips: str) -> list[str]:
    found = addresses.plan(host, node_ips).candidates(7882, 7881)
    return [" ".join((line.split()[2], *line.split()[4:6])) for line in found]


def own_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        return str(probe.getsockname()[0])


def test_an_announced_address_takes_the_place_of_the_host() -> None:
    assert lines("127.0.0.1", "203.0.113.7", "2001:db8::7") == [
        "udp 203.0.113.7 7882",
        "tcp 203.0.113.7 7881",
        "udp 2001:db8::7 7882",
        "tcp 2001:db8::7 7881",
    ]
    assert addresses.plan("0.0.0.0", ("203.0.113.7",)).admitted is None


def test_udp_is_preferred_to_tcp_and_the_first_address_to_the_next() -> None:
    found = addresses.plan("0.0.0.0", ("203.0.113.7", "2001:db8::7")).candidates(1, 2)
    priorities = [int(line.split()[3]) for line in found]
    assert priorities[0] > priorities[2] > priorities[1] > priorities[3]
    assert len({line.split()[0] for line in found}) == 4


def test_an_engine_for_this_machine_alone_announces_its_network_address_for_firefox() -> None:
    own = own_address()
    expected = ["udp 127.0.0.1 7882", "tcp 127.0.0.1 7881"]
    assert lines("127.0.0.1") == expected + ([f"udp {own} 7882"] if own else [])


async def test_on_this_machine_alone_nobody_from_outside_gets_an_answer() -> None:
    mux = Mux(time.monotonic)
    plan = addresses.plan("127.0.0.1", ())
    port = mux.bind(plan.udp_host, 0, plan.admitted)
    agent = mux.new_agent()
    loop = asyncio.get_running_loop()

    async def ask(source: str, target: str) -> bytes:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.bind((source, 0))
            check = stun.request(f"{agent.ufrag}:c", agent.password, os.urandom(12))
            sock.sendto(check, (target, port))
            return await asyncio.wait_for(loop.sock_recv(sock, 2048), 0.3)

    for host in filter(None, ("127.0.0.1", own_address())):
        assert (await ask(host, host))[:2] == b"\x01\x01"
    # 127.0.0.9 stands for a stranger: an address the engine has not been told to admit.
    with pytest.raises(TimeoutError):
        await ask("127.0.0.9", "127.0.0.1")
    mux.close()
