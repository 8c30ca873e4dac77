"""Names of files, and times as people write them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.best.labels import clock, file_names


@given(st.lists(st.text(min_size=1, max_size=300), min_size=1, max_size=8))
def test_each_video_has_a_name_of_its_own_that_is_no_path(names: list[str]) -> None:
    made = file_names([Path("/videos") / f"{name}.mp4" for name in names if "\0" not in name])
    assert len({name.casefold() for name in made}) == len(made)
    assert all(name and "/" not in name and "\\" not in name and name not in (".", "..") for name in made)


def test_two_takes_of_one_name_are_numbered() -> None:
    assert file_names([Path("a/take.mp4"), Path("b/take.mov"), Path("c/TAKE.mkv")]) == ["take", "take_2", "TAKE_3"]


@pytest.mark.parametrize(
    ("seconds", "decimals", "text"),
    [(0, 0, "0:00"), (59.99, 0, "0:59"), (61, 0, "1:01"), (3723.45, 1, "1:02:03.4"), (7.1, 1, "0:07.1"), (-1, 0, "0:00")],
)
def test_clock(seconds: float, decimals: int, text: str) -> None:
    assert clock(seconds, decimals=decimals) == text
