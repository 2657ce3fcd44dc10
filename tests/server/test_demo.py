import os
import socket
from pathlib import Path

import pytest

from server.config import Config
from server.demo import check_settings, make_plans, wipe
from server.demo_lan import prepare_lan
from server.demo_people import PEOPLE, elsewhere
from server.demo_seed import seed_accounts
from server.launch import CannotStart, check_ports, prepare, programs, with_secrets
from server.store.database import Database
from server.store.people import account_by_phone
from voting.eligibility import Circumstance

PORTS = {"CHIBO_PORT": "0", "CHIBO_COMMITTEE_PORT": "0", "CHIBO_MEDIA_PORT": "0"}
PORTS |= {"CHIBO_MEDIA_UDP_PORT": "0", "CHIBO_MEDIA_TCP_PORT": "0"}


def test_the_people_are_fictional_and_may_meet_online() -> None:
    members = [person for person in PEOPLE if person.kind != "outside"]
    assert [person.kind for person in members].count("official") == 20
    assert [person.kind for person in members].count("probationary") == 2
    away = [p for p in members if Circumstance(p.circumstance) is not Circumstance.NONE]
    assert len(away) * 2 > len(members)
    phones = {person.phone for person in PEOPLE}
    assert len(phones) == len(PEOPLE)
    assert all(phone.startswith("09000001") for phone in phones)


def test_the_officer_is_sent_to_the_committees_installation() -> None:
    other = "http://localhost:8001"
    assert elsewhere("quyet.localhost", "cell", other) == "http://quyet.localhost:8001/"
    assert elsewhere("chung.localhost", "cell", other) is None
    assert elsewhere("localhost", "cell", other) is None
    assert elsewhere("quyet.localhost", "committee", other) is None


def test_the_two_installations_share_neither_keys_nor_data(tmp_path: Path) -> None:
    cell, committee = (plan.config for plan in make_plans(tmp_path, PORTS, None))
    assert cell.demo
    assert committee.demo
    assert (cell.installation_kind, committee.installation_kind) == ("cell", "committee")
    assert cell.data_dir != committee.data_dir
    assert cell.database_url != committee.database_url
    assert {file.read_bytes() for file in cell.keys_dir.iterdir()}.isdisjoint(
        {file.read_bytes() for file in committee.keys_dir.iterdir()}
    )
    assert not committee.livekit_api_key  # it holds no sessions


def test_secrets_are_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    env = {"CHIBO_DATA": str(tmp_path)}
    first, second = with_secrets(env), with_secrets(env)
    assert first == second
    config = Config.load(first)
    assert len(config.livekit_api_secret.value) >= 32
    for file in config.keys_dir.iterdir():
        if file.suffix != ".spki":
            assert file.stat().st_mode & 0o077 == 0, file.name


def test_only_a_folder_of_the_demo_is_ever_wiped(tmp_path: Path) -> None:
    real = tmp_path / "real"
    (real / "cell").mkdir(parents=True)
    with pytest.raises(CannotStart):
        wipe(real)
    assert (real / "cell").exists()
    assert list((real / "cell").iterdir()) == []


def test_a_first_start_gives_one_link_and_a_demo_none(tmp_path: Path) -> None:
    config = Config.load(with_secrets({"CHIBO_DATA": str(tmp_path / "real")}))
    link = prepare(config)
    assert link is not None
    assert link.startswith("http://localhost:8000/mot-lan#")
    assert prepare(make_plans(tmp_path / "demo", PORTS, None)[0].config) is None


def test_a_taken_port_is_named_with_the_setting_that_changes_it(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = str(other.getsockname()[1])
        plans = make_plans(tmp_path, PORTS | {"CHIBO_PORT": taken}, None)
        with pytest.raises(CannotStart, match=rf"{taken} \(CHIBO_PORT\)"):
            check_ports(plans)


def test_on_a_network_everything_is_under_the_demos_own_certificate(tmp_path: Path) -> None:
    network = prepare_lan(tmp_path)
    plans = make_plans(tmp_path, PORTS, network)
    assert [plan.media for plan in plans] == [True, False]  # its own engine, under that name
    cell, committee = (plan.config for plan in plans)
    for config in (cell, committee):
        assert config.tls
        assert config.public_url.startswith(f"https://{network.host}:")
        assert config.host == "0.0.0.0"
    assert cell.livekit_url.startswith(f"wss://{network.host}:")
    authority = (tmp_path / "lan" / "authority.pem").read_bytes()
    prepare_lan(tmp_path)
    assert (tmp_path / "lan" / "authority.pem").read_bytes() == authority
    assert (tmp_path / "lan" / "authority.key").stat().st_mode & 0o077 == 0


def own(url: str, other: str) -> dict[str, str]:
    return {"CHIBO_CELL_DATABASE_URL": url, "CHIBO_COMMITTEE_DATABASE_URL": other}


@pytest.mark.parametrize(
    ("env", "fresh", "named"),
    [
        ({"CHIBO_DATABASE_URL": "postgresql://x/chibo"}, False, "CHIBO_CELL_DATABASE_URL"),
        ({"CHIBO_DATABASE_URL_FILE": "/run/url"}, False, "CHIBO_DATABASE_URL_FILE"),
        ({"CHIBO_BLOB_URL": "s3://one"}, False, "CHIBO_COMMITTEE_BLOB_URL"),
        ({"CHIBO_KEYS": "/keys"}, False, "CHIBO_KEYS"),
        ({"CHIBO_CELL_DATABASE_URL": "postgresql://x/a"}, False, "CHIBO_COMMITTEE_DATABASE_URL"),
        (own("postgresql://x/a", "postgresql://x/a"), False, "khác nhau"),
        (own("postgresql://x/a", "postgresql://x/b"), True, "--fresh"),
    ],
)
def test_a_setting_that_both_installations_would_share_is_refused(
    env: dict[str, str], fresh: bool, named: str
) -> None:
    with pytest.raises(CannotStart, match=named):
        check_settings(env, fresh)


def test_each_installation_of_the_demo_takes_its_own_database(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = PORTS | own(postgres_url, f"sqlite:///{tmp_path}/other.db")
    check_settings(env, False)
    cell, committee = make_plans(tmp_path, env, None)
    assert cell.config.database_url == postgres_url
    assert committee.config.database_url == f"sqlite:///{tmp_path}/other.db"
    prepare(cell.config)
    seed_accounts(cell.config)
    database = Database(postgres_url)
    with database.engine.connect() as conn:
        assert any(p.installation == "cell" and account_by_phone(conn, p.phone) for p in PEOPLE)
    database.close()
    # What the processes inherit beside their own settings must not win over them.
    monkeypatch.setenv("CHIBO_DATABASE_URL", "postgresql://stray/db")
    for plan in (cell, committee):
        for program in programs(plan):
            assert {**os.environ, **program.env}["CHIBO_DATABASE_URL"] != "postgresql://stray/db"
    assert not (tmp_path / "cell" / "chibo.db").exists()
