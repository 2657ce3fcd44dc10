import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.store import heartbeats
from server.store.database import Connection
from tests.server.site import Site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    with socket.socket() as media:
        media.bind(("127.0.0.1", 0))
        media.listen()
        made = Site(tmp_path, CHIBO_MEDIA_PORT=str(media.getsockname()[1]))
        async with made.running():
            yield made


async def test_alive_and_ready(site: Site) -> None:
    browser = site.browser()
    assert await browser.ok("GET", "/healthz") == {"status": "ok"}
    ready = await browser.ok("GET", "/readyz")
    assert ready["checks"] == {
        "database": "ok",
        "media": "ok",
        "storage": "ok",
        "recorder": "away",
        "worker": "away",
    }


async def test_recorder_and_worker_are_seen_while_they_live(site: Site) -> None:
    browser = site.browser()
    await site.services.database.write(heartbeats.beat, "worker", "w1", site.clock())
    key = {"Authorization": f"Bearer {site.config.recorder_service_key.value}"}
    await browser.ok("GET", "/api/recorder/jobs", headers=key)
    checks = (await browser.ok("GET", "/readyz"))["checks"]
    assert (checks["recorder"], checks["worker"]) == ("ok", "ok")
    site.clock.forward(seconds=11)
    checks = (await browser.ok("GET", "/readyz"))["checks"]
    assert (checks["recorder"], checks["worker"]) == ("away", "away")


async def test_without_media_or_with_an_old_schema_it_is_alive_but_not_ready(
    tmp_path: Path,
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    site = Site(tmp_path, CHIBO_MEDIA_PORT=str(port))
    async with site.running():
        browser = site.browser()
        answer = await browser("GET", "/readyz")
        assert (answer.status_code, answer.json()["checks"]["media"]) == (503, "away")

        def older(conn: Connection) -> None:
            conn.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")

        await site.services.database.write(older)
        answer = await browser("GET", "/readyz")
        assert answer.json()["checks"]["database"] == "old schema"
        assert (await browser("GET", "/healthz")).status_code == 200


async def test_metrics_are_for_this_machine_or_the_token(site: Site, tmp_path: Path) -> None:
    page = await site.browser("127.0.0.1")("GET", "/metrics")
    assert page.status_code == 200
    assert "chibo_http_requests_total" in page.text
    assert (await site.browser("10.0.0.5")("GET", "/metrics")).status_code == 401
    proxied = {"X-Forwarded-For": "203.0.113.9"}
    assert (await site.browser()("GET", "/metrics", headers=proxied)).status_code == 401
    guarded = Site(tmp_path / "guarded", CHIBO_METRICS_TOKEN="m" * 40)
    async with guarded.running():
        token = {"Authorization": "Bearer " + "m" * 40}
        assert (await guarded.browser("10.0.0.5")("GET", "/metrics", headers=token)).is_success
        assert (await guarded.browser("127.0.0.1")("GET", "/metrics")).status_code == 401
