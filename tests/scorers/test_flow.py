"""Which two frames make a pair."""

import pytest

from scorers.flow import MAX_GAP_SECONDS, is_pair


@pytest.mark.parametrize(
    ("before", "seconds", "makes"),
    [(1.0, 1.2, True), (1.0, 1.0 + MAX_GAP_SECONDS, True), (1.0, 3.1, False), (1.0, 1.0, False), (1.2, 1.0, False)],
)
def test_a_pair_is_two_frames_in_order_with_no_hole_between_them(before: float, seconds: float, makes: bool) -> None:
    assert is_pair(before, seconds) == makes
