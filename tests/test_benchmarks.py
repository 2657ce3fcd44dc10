"""What docs/benchmarks.md says was measured."""

from tests.bench.document import DOCUMENT, TABLES, filled_in
from tests.bench.results import RESULTS, percentile


def test_the_document_shows_the_figures_that_were_kept() -> None:
    kept = {path.stem for path in RESULTS.glob("*.json")} & set(TABLES)
    assert kept == set(TABLES), "measured with make faults and make bench"
    text = DOCUMENT.read_text("utf-8")
    assert filled_in(text) == text, "run: python -m tests.bench.document"


def test_a_percentile_is_a_value_that_so_many_do_not_exceed() -> None:
    values = [float(n) for n in range(1, 501)]
    assert percentile(values, 0.99) == 495
    assert percentile(values, 0.5) == 250
    assert percentile([3.0], 0.99) == 3.0
