"""Runs the pion client of `pion/` as a process, and decodes what it received."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from pathlib import Path
from typing import Any

from engine_rig import ROOT

PROGRAM = ROOT / "build/pion-client"


def run(*command: str | Path) -> str:
    """A program's output and error text. Raises AssertionError if it fails."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def media(folder: Path) -> tuple[Path, Path]:
    """Twenty seconds of moving picture and of a tone, as the pion client publishes them."""
    picture, sound = folder / "picture.ivf", folder / "sound.ogg"
    ffmpeg = ("ffmpeg", "-v", "error", "-f", "lavfi")
    vp8 = ("-c:v", "libvpx", "-b:v", "200k", "-g", "10", "-deadline", "realtime")
    run(*ffmpeg, "-i", "testsrc2=size=320x180:rate=10", "-t", "20", *vp8, picture)
    opus = ("-ac", "2", "-c:a", "libopus", "-page_duration", "20000")
    run(*ffmpeg, "-i", "sine=frequency=500:sample_rate=48000", "-t", "20", *opus, sound)
    return picture, sound


class PionClient:
    """A participant; `folder` gets one file per track it received, complete once it `leave`s."""

    def __init__(
        self,
        url: str,
        token: str,
        folder: Path,
        *,
        publish: tuple[Path, Path] | None = None,
        vendor: bool = False,
        subscribe: bool = True,
    ) -> None:
        assert PROGRAM.exists(), "build/pion-client is missing: make build/pion-client needs Go"
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        command = [str(PROGRAM), "-url", url, "-token", token, "-out", str(folder)]
        command += [f"-vendor={vendor}".lower(), f"-subscribe={subscribe}".lower()]
        if publish is not None:
            command += ["-video", str(publish[0]), "-audio", str(publish[1])]
        self._log = (folder / "log.txt").open("w")
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True
        )

    def say(self, text: str) -> None:
        """Sends a data packet to all."""
        assert self._process.stdin is not None
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()

    async def report(self) -> dict[str, Any]:
        return await asyncio.to_thread(self._report)

    def _report(self) -> dict[str, Any]:
        self.say("report")
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, (self.folder / "log.txt").read_text()[-2000:]
        return json.loads(line)

    def leave(self) -> None:
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def decoded_frames(self, identity: str) -> int:
        """Pictures of that participant which a decoder got out of the file."""
        entries = ("-show_entries", "stream=nb_read_frames", "-of", "csv=p=0")
        path = self.folder / f"{identity}-video.ivf"
        return int(run("ffprobe", "-v", "error", "-count_frames", *entries, path).strip())

    def loudness(self, identity: str) -> float:
        """The loudest sample of that participant's decoded sound in dBFS."""
        path = self.folder / f"{identity}-audio.ogg"
        text = run("ffmpeg", "-i", path, "-af", "volumedetect", "-f", "null", "-")
        found = re.search(r"max_volume: (\S+) dB", text)
        assert found, text[-500:]
        return float(found[1])
