"""One application instance with four writers, as a process that a test can kill.

Usage: python -m tests.server.session.writer FOLDER DATABASE_URL NAME COUNT
Prints each note's name once its append was acknowledged.
"""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from server.app import build_services
from server.config import Config
from server.session import events as e
from server.session.law import Events
from server.session.state import State
from tests.server.session.town import SESSION, settings


async def write(folder: Path, url: str, name: str, count: int) -> None:
    services = build_services(Config.load(settings(folder, url)))
    log = services.session.log

    async def writer(n: int) -> None:
        for i in range(count):
            text = f"{name}.{n}.{i}"

            def decide(state: State, _now: datetime, text: str = text) -> Events:
                return [e.NoteAdded(f"n{len(state.notes) + 1}", None, None, text, "opinion")]

            await log.append(SESSION, "p01", text, datetime.now(UTC), decide)
            print(text, flush=True)

    await asyncio.gather(*(writer(n) for n in range(4)))
    services.database.close()


if __name__ == "__main__":
    folder, url, name, count = sys.argv[1:]
    asyncio.run(write(Path(folder), url, name, int(count)))
