"""The sealed package: same log, same hash; any change shows, by name."""

import json
from dataclasses import replace

import pytest

from server.reports.bundle import PackageUnusable, check, packed, seal, unpacked
from tests.server.session.meeting import Meeting, at_vote
from voting.signing import PrivateKey

KEY = PrivateKey.generate()


@pytest.fixture(scope="module")
def closed() -> Meeting:
    return at_vote().voted(p01="approve", p02="approve", p03="approve").to_close()


def test_sealing_again_gives_the_same_report(closed: Meeting):
    one, two = seal("s1", closed.entries, KEY), seal("s1", closed.entries, KEY)
    assert one.sha256 == two.sha256
    assert one.files == two.files


def test_what_comes_after_the_end_does_not_change_the_report(closed: Meeting):
    before = seal("s1", closed.entries, KEY).sha256
    later = closed.entries[-1]
    more = [
        *closed.entries,
        replace(
            later,
            seq=later.seq + 1,
            type="left",
            body='{"command":null,"data":{"person":"p05","reason":""}}',
        ),
    ]
    assert seal("s1", more, KEY).sha256 == before


def test_a_package_comes_back_as_it_was_packed(closed: Meeting):
    package = seal("s1", closed.entries, KEY)
    back = unpacked(packed(package, KEY.public.spki))
    assert back == package
    check(back, KEY.public.spki)


def test_the_manifest_names_head_counts_and_every_file(closed: Meeting):
    manifest = seal("s1", closed.entries, KEY).manifest
    assert manifest["head"] == {"seq": closed.state.seq, "hash": closed.state.head}
    assert manifest["counts"]["attended"] == 6
    assert {file["name"] for file in manifest["files"]} == {
        "log.jsonl",
        "minutes-read.txt",
        *(f"{kind}.{form}" for kind in ("minutes", "report") for form in ("json", "html", "pdf")),
    }
    assert all(file["pages"] for file in manifest["files"] if file["name"].endswith(".pdf"))


def test_the_text_as_it_was_read_out_is_in_the_package(closed: Meeting):
    package = seal("s1", closed.entries, KEY)
    assert package.files["minutes-read.txt"].decode() == closed.state.minutes_text


def test_one_changed_byte_is_found_and_named(closed: Meeting):
    package = seal("s1", closed.entries, KEY)
    for name, data in package.files.items():
        spoiled = replace(package, files={**package.files, name: data[:-1] + b"\x00"})
        with pytest.raises(PackageUnusable, match=f"file:{name}"):
            check(spoiled, KEY.public.spki)
    renamed = json.loads(json.dumps(package.manifest)) | {"title": "Khác"}
    with pytest.raises(PackageUnusable, match="seal"):
        check(replace(package, manifest=renamed), KEY.public.spki)
    with pytest.raises(PackageUnusable, match="seal"):
        check(package, PrivateKey.generate().public.spki)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x00" * 100])
def test_what_is_no_package_is_refused(data: bytes):
    with pytest.raises(PackageUnusable, match="not_zip"):
        unpacked(data)
