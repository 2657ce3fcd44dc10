"""What one delivered packet costs the engine, on its Python path and on its native one.

Publishers send a camera in three VP8 layers and a microphone each; every subscriber takes one
large picture, all others small, and all sound. Sockets, STUN and SRTP are real, on loopback. The
engine runs in a process of its own, whose CPU time and memory are measured.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import resource
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pylibsrtp import Policy

from signaling.native import build, library
from signaling.sfu import rtp, stun
from signaling.sfu.downlink import Downlink, Wish
from signaling.sfu.fanout import SETTING
from signaling.sfu.mux import Mux
from signaling.sfu.tracks import UpTrack
from signaling.sfu.uplink import Source, Uplink
from tests.bench.results import ROOT, spread
from tests.signaling.line import PROFILE, Member, session

NAME = "fanout"
PATHS = ("python", "native")
SUBSCRIBERS = (8, 24)
PUBLISHERS = 8
SECONDS = 4.0  # of measuring, after as long a start
WARM_UP = 2.0
ROUNDS = 3
HOST = "127.0.0.1"
IDS = {rtp.MID: 1, rtp.RID: 2, rtp.TRANSPORT_CC: 3, rtp.AUDIO_LEVEL: 4}
WISHED = {rtp.TRANSPORT_CC: 5, rtp.AUDIO_LEVEL: 1}
LAYERS = ("q", "h", "f")
# What browsers send of a 720p camera: pictures a second, packets a picture, bytes a packet.
CAMERA = ((15, 2, 700), (20, 3, 900), (30, 4, 1100))
SOUND = (50, 90)  # packets a second, bytes
TICK = 0.05
STEP = 0.001


class Hall:
    """The engine without signalling: transports, tracks and upkeep as `Session` connects them."""

    def __init__(self, subscribers: int) -> None:
        self.mux = Mux(time.monotonic)
        self.port = self.mux.bind(HOST, 0)
        self.publishers = [Member(self.mux, HOST, self.port) for _ in range(PUBLISHERS)]
        self.subscribers = [Member(self.mux, HOST, self.port) for _ in range(subscribers)]
        self.uplinks: list[Uplink] = []
        self.downlinks: list[Downlink] = []
        self.tracks: list[UpTrack] = []

    def open(self) -> None:
        for index, member in enumerate(self.publishers):
            camera = UpTrack(f"TR_v{index}", "video", "vp8", "", 90000, list(LAYERS))
            microphone = UpTrack(f"TR_a{index}", "audio", "opus", "", 48000, [])
            microphone.on_level = lambda level, now: None
            uplink = Uplink(member.peer.ssrc, member.peer.send_rtcp, member.peer.native)
            sources = [Source("v", camera, 96, 97, [], {}), Source("a", microphone, 111, None, [9])]
            uplink.configure(sources, IDS)
            member.peer.on_rtp = uplink.on_rtp
            self.uplinks.append(uplink)
            self.tracks += [camera, microphone]
        for index, member in enumerate(self.subscribers):
            downlink = Downlink(member.peer.send_rtp, member.peer.send_rtcp)
            for track in self.tracks:
                downlink.add(track, ())
                downlink.bind(track.sid, 100 if track.kind == "video" else 101, WISHED)
                large = track.sid == f"TR_v{index % PUBLISHERS}"
                downlink.wish(track.sid, Wish(quality=2 if large else 0))
            downlink.ready = True
            self.downlinks.append(downlink)
        for member in (*self.publishers, *self.subscribers):
            member.begin()

    def delivered(self) -> int:
        return sum(
            down.packets
            for downlink in self.downlinks
            for track in self.tracks
            if (down := downlink.get(track.sid)) is not None
        )

    async def upkeep(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            now = time.monotonic()
            for uplink in self.uplinks:
                uplink.tick(now, 0.0)
            for downlink in self.downlinks:
                downlink.tick(now)


async def serve(subscribers: int) -> None:
    """The engine's process: prints how to reach it, then what it has used."""
    hall = Hall(subscribers)
    members = [*hall.publishers, *hall.subscribers]
    ways = [(m.peer.ice.ufrag, m.peer.ice.password, [key.hex() for key in m.keys]) for m in members]
    print(json.dumps({"port": hall.port, "ways": ways}), flush=True)
    for member in members:
        await member.peer.ice.reachable.wait()
    hall.open()
    upkeep = asyncio.create_task(hall.upkeep())
    await asyncio.sleep(WARM_UP)
    before, used, began = hall.delivered(), usage(), time.monotonic()
    await asyncio.sleep(SECONDS)
    packets = hall.delivered() - before
    found = {
        "microseconds": (usage() - used) * 1e6 / max(1, packets),
        "a_second": packets / (time.monotonic() - began),
        "share_of_core": (usage() - used) / (time.monotonic() - began),
        "megabytes": memory(),
    }
    upkeep.cancel()
    print(json.dumps(found), flush=True)


def usage() -> float:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime


def memory() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


class Camera:
    """Packets of one publisher, when they are due."""

    def __init__(self, sock: socket.socket, key: bytes) -> None:
        self.sock = sock
        self.tx = session(key, Policy.SSRC_ANY_OUTBOUND)
        self.ssrcs = [secrets.randbits(31) + 10 for _ in LAYERS]
        self.seqs = [0] * (len(LAYERS) + 1)
        self.pictures = [0] * len(LAYERS)
        self.cc = 0

    def send(self, elapsed: float) -> None:
        for index, (rate, count, size) in enumerate(CAMERA):
            while self.pictures[index] < elapsed * rate:
                self.pictures[index] += 1
                self._picture(index, count, size, self.pictures[index] % rate == 1)
        rate, size = SOUND
        while self.seqs[-1] < elapsed * rate:
            payload = bytes(size)
            self._packet(111, 9, -1, self.seqs[-1] * 960, {1: b"a", 4: b"\x30"}, payload, True)

    def _picture(self, layer: int, count: int, size: int, key: bool) -> None:
        number = self.pictures[layer]
        for index in range(count):
            first = 0x90 if index == 0 else 0x80
            head = bytes((first, 0xC0, 0x80 | number >> 8 & 0x7F, number & 255, number & 255))
            payload = head + (b"\0" if key else b"\1") + bytes(size)
            ids = {1: b"v", 2: LAYERS[layer].encode()}
            stamp, last = number * 90_000 // CAMERA[layer][0], index == count - 1
            self._packet(96, self.ssrcs[layer], layer, stamp, ids, payload, last)

    def _packet(
        self,
        payload_type: int,
        ssrc: int,
        stream: int,
        stamp: int,
        extensions: dict[int, bytes],
        payload: bytes,
        last: bool,
    ) -> None:
        seq = self.seqs[stream]
        self.seqs[stream] += 1
        self.cc = self.cc + 1 & 0xFFFF
        extensions[3] = self.cc.to_bytes(2, "big")
        marker = 0x80 if last else 0
        packet = rtp.Packet(payload_type, marker, seq & 0xFFFF, stamp, ssrc, extensions, payload)
        self.sock.send(self.tx.protect(rtp.build(packet)))


def run(path: str, subscribers: int) -> dict[str, float]:
    """One measurement in a fresh engine, with the load from this process."""
    engine = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.fanout", "--subscribers", str(subscribers)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, SETTING: "0" if path == "python" else "1"},
    )
    assert engine.stdout is not None
    sockets: list[socket.socket] = []
    try:
        told = json.loads(engine.stdout.readline())
        for ufrag, password, _ in told["ways"]:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.connect((HOST, told["port"]))
            sock.send(stun.request(f"{ufrag}:c", password, os.urandom(12)))
            sockets.append(sock)
        cameras = [
            Camera(sock, bytes.fromhex(keys[0]))
            for sock, (_, _, keys) in zip(sockets[:PUBLISHERS], told["ways"], strict=False)
        ]
        began = time.monotonic()
        with contextlib.suppress(ConnectionRefusedError):  # the engine has seen enough
            while True:
                elapsed = time.monotonic() - began
                for camera in cameras:
                    camera.send(elapsed)
                time.sleep(STEP)
        found: dict[str, float] = json.loads(engine.stdout.readline())
        return found
    finally:
        engine.terminate()
        engine.wait()
        for sock in sockets:
            sock.close()


def measure() -> dict[str, Any]:
    """Both paths in turn, so that a busy machine burdens both alike."""
    paths = [path for path in PATHS if path == "python" or not build.missing()]
    if "native" in paths and not library().exists():
        build.build(library())
    found: dict[str, Any] = {}
    for _ in range(ROUNDS):
        for subscribers in SUBSCRIBERS:
            for path in paths:
                result = run(path, subscribers)
                for figure, value in result.items():
                    rows = found.setdefault(str(subscribers), {}).setdefault(path, {})
                    rows.setdefault(figure, []).append(round(value, 3))
    return {"profile": PROFILE, "subscribers": found}


def as_table(found: Mapping[str, Any]) -> str:
    rows = [
        "| subscribers | path | CPU per delivered packet, µs | packets a second | part of a core "
        "| memory, MB |",
        "|---|---|---|---|---|---|",
    ]
    for subscribers, paths in found["subscribers"].items():
        for path, figures in paths.items():
            rows.append(
                f"| {subscribers} | {path} | {spread(figures['microseconds'])} | "
                f"{spread(figures['a_second'])} | {spread(figures['share_of_core'])} | "
                f"{spread(figures['megabytes'])} |"
            )
    return "\n".join(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--subscribers", type=int, required=True)
    import uvloop

    uvloop.run(serve(parser.parse_args().subscribers))
