"""The smallest pieces of the dashboard. How they look together is in test_pages."""

import math

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from stream_processor.panels import bar, clock, fit


@given(st.floats(), st.integers(0, 50))
def test_a_bar_has_its_length_whatever_the_share(share: float, cells: int) -> None:
    assert len(bar(share, cells)) == cells


@given(st.text(max_size=40), st.integers(0, 30))
def test_a_text_is_fitted_to_the_cell(text: str, cells: int) -> None:
    assert cell_len(fit(text, cells)) == cells


def test_times_are_written_as_on_a_clock() -> None:
    assert [clock(seconds) for seconds in (0, 59.9, 751, 3661, math.nan)] == ["00:00", "00:59", "12:31", "1:01:01", "--:--"]
