"""After the close: was anything lost that the server had promised?"""

import asyncio
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.e2e.stack import ROOT
from tests.faults.meeting import Keeper


class Lost(AssertionError):
    """Something acknowledged is not in the evidence."""


async def exported(chair: Keeper, folder: Path) -> Path:
    """The session's export with its recording."""
    path = folder / "export.zip"
    answer = await chair.account.http.get(f"{chair.path}/export", timeout=60)
    answer.raise_for_status()
    path.write_bytes(answer.content)
    return path


def read_log(export: Path) -> list[dict[str, Any]]:
    with zipfile.ZipFile(io.BytesIO(export.read_bytes())) as archive:
        return [json.loads(line) for line in archive.read("log.jsonl").splitlines()]


def check_acknowledged(people: Sequence[Keeper], log: list[dict[str, Any]]) -> int:
    """Each acknowledgement names a line of the log, and each member's last ballot was the one
    that counted. Returns how many acknowledgements there were."""
    hashes = {line["seq"]: line["hash"] for line in log}
    total = 0
    for member in people:
        for ack in member.acks:
            total += 1
            if hashes.get(ack["seq"]) != ack["hash"]:
                raise Lost(f"line {ack['seq']} was acknowledged to {member.view['me']}")
        for header in member.headers:
            if hashes.get(header["seq"], header["hash"]) != header["hash"]:
                raise Lost(f"{member.view['me']} was shown another line {header['seq']}")
    for motion in people[0].view["motions"]:
        counted = {one["person"]: one["choice"] for one in motion["ballots"]}
        for member in people:
            chosen = member.chosen.get(motion["id"])
            if chosen != counted.get(member.view["me"]):
                raise Lost(f"{member.view['me']} chose {chosen}, counted {counted}")
    return total


async def check_verified(export: Path) -> None:
    """`chibo verify` finds nothing."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "server.cli", "verify", str(export)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Lost(f"chibo verify:\n{done.stdout}{done.stderr}")
