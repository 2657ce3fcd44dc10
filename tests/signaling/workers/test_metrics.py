"""Workers' metrics on one page, as Prometheus reads it."""

from prometheus_client.parser import text_string_to_metric_families

from signaling.workers.metrics import gauge, merged

PAGE = """# HELP rooms Rooms that exist
# TYPE rooms gauge
rooms {}
# HELP sent Bytes
# TYPE sent gauge
sent{{kind="video"}} 2.5e+06
"""


def test_each_sample_names_its_worker_and_each_metric_is_described_once() -> None:
    page = merged({1: PAGE.format(4.0), 0: PAGE.format(3.0)}) + gauge("workers", "Workers", 2)
    found = {family.name: family for family in text_string_to_metric_families(page)}
    assert [(s.labels, s.value) for s in found["rooms"].samples] == [
        ({"worker": "0"}, 3.0),
        ({"worker": "1"}, 4.0),
    ]
    assert found["sent"].samples[1].labels == {"worker": "1", "kind": "video"}
    assert found["workers"].samples[0].value == 2
    assert page.count("# HELP rooms") == 1
