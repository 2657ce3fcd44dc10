"""`chibo demo`: a cell's installation and its upper committee's, on one machine, ready to try."""

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from server import demo_seed
from server.demo_lan import LanAddress, prepare_lan
from server.demo_people import PEOPLE, address
from server.launch import CannotStart, Plan, check_ports, prepare, run_until_told, with_secrets
from server.logs import configure
from server.supervisor import NotHealthy
from server.texts import say
from signaling.config import default_workers

MARK = "demo"  # a file that says: everything beside me is invented and may be wiped
HELPER = {"CHIBO_HELPER_NAME": "đồng chí Vân", "CHIBO_HELPER_PHONE": "0900 000 131"}
NAMES = {
    "cell": {
        "CHIBO_NAME": "Chi bộ bản Nà Lúa",
        "CHIBO_OPERATOR": "Văn phòng Đảng ủy xã Mường Tha",
        "CHIBO_PLACE": "Trụ sở xã Mường Tha",
    },
    "committee": {
        "CHIBO_NAME": "Đảng ủy xã Mường Tha",
        "CHIBO_OPERATOR": "Văn phòng Đảng ủy xã Mường Tha",
        "CHIBO_PLACE": "Trụ sở xã Mường Tha",
    },
}
PASSED_ON = (
    "CHIBO_MEDIA_PORT",
    "CHIBO_MEDIA_UDP_PORT",
    "CHIBO_MEDIA_TCP_PORT",
    "CHIBO_MEDIA_WORKERS",
    "CHIBO_WEB_DIST",
    # Another media server in the place of our own engine.
    "LIVEKIT_URL",
    "LIVEKIT_INTERNAL_URL",
    "LIVEKIT_API_KEY",
    "LIVEKIT_API_SECRET",
)
# Settings of one installation that the demo, being two, takes by another name for each.
OF_EACH = ("CHIBO_DATABASE_URL", "CHIBO_BLOB_URL")
REFUSED = (*OF_EACH, "CHIBO_DATABASE_URL_FILE", "CHIBO_KEYS", "CHIBO_RECORDING_DIR")


def run_demo(*, fresh: bool, members: int, lan: bool) -> int:
    """Runs until told to stop; the exit status."""
    root = Path(os.environ.get("CHIBO_DATA") or "data/demo").resolve()
    check_settings(os.environ, fresh)
    if fresh and root.exists():
        wipe(root)
    root.mkdir(parents=True, exist_ok=True)
    (root / MARK).touch()
    with (root / "chibo.log").open("ab") as file:
        # People at a terminal want addresses; whoever redirects the output wants all of it.
        output: BinaryIO | None = file if sys.stdout.isatty() else None
        configure("supervisor", None if output is None else os.fdopen(os.dup(file.fileno()), "w"))
        try:
            return asyncio.run(_run(root, output, members, prepare_lan(root) if lan else None))
        except NotHealthy as error:
            print(f"Chưa chạy được: {error}. Xem {root / 'chibo.log'}", file=sys.stderr)
            return 1


async def _run(
    root: Path, output: BinaryIO | None, members: int, network: LanAddress | None
) -> int:
    plans = make_plans(root, os.environ, network)
    for plan in plans:
        prepare(plan.config)
        demo_seed.seed_accounts(plan.config)

    async def when_healthy() -> None:
        await demo_seed.seed_over_http(plans[0].config, plans[1].config)
        show_addresses(plans, network)
        if members:
            from server.demo_members import keep_members

            background.append(asyncio.create_task(keep_members(plans[0].config, members)))

    background: list[asyncio.Task[None]] = []
    try:
        return await run_until_told(plans, output, when_healthy)
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)


def check_settings(env: Mapping[str, str], fresh: bool) -> None:
    """Raises CannotStart for settings that the two installations would share, which must not."""
    if shared := [name for name in REFUSED if env.get(name)]:
        raise CannotStart(say("demo.shared_setting", names=", ".join(shared)))
    for setting in OF_EACH:
        given = [url for kind in NAMES if (url := env.get(own_name(setting, kind)))]
        names = " và ".join(own_name(setting, kind) for kind in NAMES)
        if len(given) == 1 or len(set(given)) < len(given):
            raise CannotStart(say("demo.one_each", names=names))
        if fresh and given:
            raise CannotStart(say("demo.fresh_elsewhere", names=names))


def own_name(setting: str, kind: str) -> str:
    """CHIBO_DATABASE_URL of the cell's installation is CHIBO_CELL_DATABASE_URL."""
    return setting.replace("CHIBO_", f"CHIBO_{kind.upper()}_")


def make_plans(root: Path, env: Mapping[str, str], network: LanAddress | None) -> list[Plan]:
    """The two installations' settings."""
    ports = {
        "cell": int(env.get("CHIBO_PORT") or 8000),
        "committee": int(env.get("CHIBO_COMMITTEE_PORT") or 8001),
    }
    host = network.host if network else "localhost"
    scheme = "https" if network else "http"
    urls = {kind: f"{scheme}://{host}:{port}" for kind, port in ports.items()}
    passed = {name: env[name] for name in PASSED_ON if env.get(name)}
    plans = []
    for kind, other in (("cell", "committee"), ("committee", "cell")):
        settings = {
            # The demo's cell holds one session at a time, and a room is never split: on a small
            # machine more workers would only take memory from the recorder and the browsers.
            "CHIBO_MEDIA_WORKERS": str(max(1, default_workers() // 2)),
            **passed,
            # Named here in any case: the processes also inherit the surrounding environment.
            "CHIBO_DATABASE_URL": env.get(own_name("CHIBO_DATABASE_URL", kind), ""),
            "CHIBO_BLOB_URL": env.get(own_name("CHIBO_BLOB_URL", kind), ""),
            **NAMES[kind],
            **HELPER,
            **(network.env(int(passed.get("CHIBO_MEDIA_PORT", "7880"))) if network else {}),
            "CHIBO_DATA": str(root / kind),
            "CHIBO_DEMO": "1",
            "CHIBO_KIND": kind,
            "CHIBO_PORT": str(ports[kind]),
            "CHIBO_PUBLIC_URL": urls[kind],
            "CHIBO_DEMO_OTHER_URL": urls[other],
        }
        # On the network LIVEKIT_URL is that of our own engine, whatever was passed on.
        own_media = kind == "cell" and (network is not None or not passed.get("LIVEKIT_URL"))
        plans.append(Plan(with_secrets(settings), media=own_media))
    return plans


def show_addresses(plans: list[Plan], network: LanAddress | None) -> None:
    """What to open. Everybody's password and live code stand on the start page."""
    urls = {plan.config.installation_kind: plan.config.public_url for plan in plans}
    lines = ["", "Chạy thử. Mọi người và chi bộ ở đây đều hư cấu.", ""]
    lines.append(f"  Trang bắt đầu, có mật khẩu và mã của từng người: {urls['cell']}")
    for slug in ("chung", "men", "duyen", "sen", "quyet"):
        person = next(person for person in PEOPLE if person.slug == slug)
        # By name everybody is reached at the cell's port, which sends the officer on.
        where = person.installation if network else "cell"
        lines.append(f"  {person.name}, {person.title}: {address(slug, urls[where])}")
    lines += ["", "  Dừng: Ctrl-C. Làm lại từ đầu: chibo demo --fresh", ""]
    print("\n".join(lines), flush=True)
    if network:
        network.show(urls["cell"])


def wipe(root: Path) -> None:
    """Removes what an earlier demo left. Raises CannotStart for any other folder."""
    if any(root.iterdir()) and not (root / MARK).exists():
        raise CannotStart(f"{root} không phải thư mục chạy thử nên không xóa.")
    check_ports(make_plans(root, os.environ, None))  # never under a demo that is running
    for kind in NAMES:
        shutil.rmtree(root / kind, ignore_errors=True)
    for name in ("lan", "chibo.log"):
        path = root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
