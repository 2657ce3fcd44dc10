"""`--lan`: a phone on the network gets HTTPS from the demo's own authority, and so its camera."""

import asyncio
import base64
import hashlib
import io
import shutil
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import segno
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.async_api import Error, async_playwright

from server.demo import make_plans, show_addresses
from server.demo_lan import LanAddress, prepare_lan
from server.demo_seed import seed_accounts
from server.launch import prepare, programs
from server.supervisor import Supervisor
from tests.e2e.stack import ROOT, free_ports

NOT_NEEDED = ("recorder", "worker")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
FAKE_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
ASK_CAMERA = """async () => {
  if (!isSecureContext || !navigator.mediaDevices) return 'no camera here';
  const stream = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
  const kinds = stream.getTracks().map((track) => track.kind).sort();
  stream.getTracks().forEach((track) => track.stop());
  return kinds.join();
}"""


class Lan:
    """The demo's applications and engine, as `chibo demo --lan` plans and starts them."""

    def __init__(self, root: Path) -> None:
        self.network: LanAddress = prepare_lan(root)
        names = ("", "COMMITTEE_", "MEDIA_", "MEDIA_TCP_", "MEDIA_UDP_")
        ports = free_ports(len(names))
        env = {f"CHIBO_{n}PORT": str(port) for n, port in zip(names, ports, strict=True)}
        self.app, self.committee, self.media = ports[:3]
        self.plans = make_plans(
            root, env | {"CHIBO_WEB_DIST": str(ROOT / "web/dist")}, self.network
        )
        for plan in self.plans:
            prepare(plan.config)
            seed_accounts(plan.config)
        every = [program for plan in self.plans for program in programs(plan)]
        needed = [program for program in every if not program.name.endswith(NOT_NEEDED)]
        self.supervisor = Supervisor(needed)

    def url(self, port: int) -> str:
        return f"https://{self.network.host}:{port}"

    def trusting(self) -> ssl.SSLContext:
        """Of somebody who installed the authority, and trusts nothing else."""
        return ssl.create_default_context(cafile=str(self.network.folder / "authority.pem"))


@pytest.fixture
async def lan(tmp_path: Path) -> AsyncIterator[Lan]:
    made = Lan(tmp_path)
    await made.supervisor.start()
    try:
        await made.supervisor.healthy(60)
        yield made
    finally:
        await made.supervisor.stop()


def shake_hands(host: str, port: int, context: ssl.SSLContext) -> Any:
    plain = socket.create_connection((host, port), 10)
    with context.wrap_socket(plain, server_hostname=host) as secure:
        return secure.getpeercert()


async def test_phones_reach_application_and_engine_by_the_demos_own_authority(
    lan: Lan, capsys: pytest.CaptureFixture[str]
) -> None:
    for host in {lan.network.host, "localhost"}:
        for port in (lan.app, lan.committee, lan.media):
            found = await asyncio.to_thread(shake_hands, host, port, lan.trusting())
            assert ("IP Address", lan.network.host) in found["subjectAltName"]
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.to_thread(
            shake_hands, lan.network.host, lan.app, ssl.create_default_context()
        )
    show_addresses(lan.plans, lan.network)
    printed, code = capsys.readouterr().out, io.StringIO()
    segno.make(lan.url(lan.app), error="m").terminal(code, compact=True)
    assert code.getvalue() in printed
    assert str(lan.network.folder / "authority.pem") in printed
    await in_a_browser(lan)


async def in_a_browser(lan: Lan) -> None:
    async with async_playwright() as playwright:

        async def page_of(*more: str) -> Any:
            browser = await playwright.chromium.launch(
                executable_path=CHROMIUM,
                args=["--no-sandbox", "--disable-gpu", *FAKE_CAMERA, *more],
            )
            return await browser.new_page()

        stranger = await page_of()
        with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
            await stranger.goto(lan.url(lan.app))
        await stranger.context.browser.close()
        phone = await page_of(f"--ignore-certificate-errors-spki-list={pinned(lan)}")
        await phone.goto(lan.url(lan.app))
        await phone.locator("h1").first.wait_for()
        assert await phone.evaluate(ASK_CAMERA) == "audio,video"
        answer = await phone.goto(lan.url(lan.media))
        assert answer is not None
        assert answer.status < 500
        await phone.context.browser.close()


def pinned(lan: Lan) -> str:
    """The authority's key, which whoever installs it accepts: SHA-256 of its SPKI."""
    pem = (lan.network.folder / "authority.pem").read_bytes()
    spki = x509.load_pem_x509_certificate(pem).public_key()
    data = spki.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(data).digest()).decode()
