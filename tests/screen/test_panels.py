"""The smallest pieces of the dashboard. How they look together is in test_pages."""

import math

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from stream_processor.screen.panels import bar, clock, fit, health
from tests.statuses import live


@given(st.floats(), st.integers(0, 50))
def test_a_bar_has_its_length_whatever_the_share(share: float, cells: int) -> None:
    assert len(bar(share, cells)) == cells


@given(st.text(max_size=40), st.integers(0, 30))
def test_a_text_is_fitted_to_the_cell(text: str, cells: int) -> None:
    assert cell_len(fit(text, cells)) == cells


def test_times_are_written_as_on_a_clock() -> None:
    assert [clock(seconds) for seconds in (0, 59.9, 751, 3661, math.nan)] == ["00:00", "00:59", "12:31", "1:01:01", "--:--"]


def test_what_went_wrong_is_counted_and_what_did_not_is_not_mentioned() -> None:
    well, ill = live("one"), live("two")
    assert not any(word in str(health([well], 300)) for word in ("decodable", "scored", "reconnects", "expired"))
    ill.decode_errors, ill.scorer_errors = 7, {"motion": 1, "novelty": 2}
    ill.reconnects, ill.reconnects_by_reason, ill.alerts_expired = 3, {"reset": 1, "stalled": 2}, 4
    first, second = (line.plain for line in health([well, ill], 300))
    for words in ("7 not decodable", "3 not scored", "3 reconnects (stalled 2, reset 1)"):
        assert words in first
    assert "4 alerts expired" in second
