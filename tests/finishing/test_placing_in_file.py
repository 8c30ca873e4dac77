"""A cut between two sampled frames, placed to the frame in a file.

::

    frames    ╷╷╷╷╷╷╷╷╷╷╷╷╷╷╷╷╷╷╷╷╷╷╷╷╷╷
    shots     ────────────┤├────────────       neither keyframes nor frame types say where
    sampled   ●       ●       ●       ●        the cut is somewhere between two of these
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from stream_processor.finishing.placing import Placing
from stream_processor.finishing.placing_in_file import first_frame_after_cut
from stream_processor.frames import Grid
from tests.finishing.cut_films import LONG_GOPS, NO_CUT_KEYS, Film, film, steady

PLACING = Placing("content", 1.0)
MILLISECOND = 0.0011
"""What some containers round to."""


def sampled(times: Sequence[Fraction], fps: float = 5.0) -> list[float]:
    grid = Grid(fps)
    return [float(seconds) for seconds in times if grid.takes(seconds)]


def zero_of(path: Path) -> float:
    """What the file calls its first frame's time."""
    import av

    with av.open(str(path)) as container:
        return min(float(packet.pts * packet.time_base) for packet in container.demux(video=0) if packet.pts is not None)


def placed(made: Film, placing: Placing = PLACING) -> list[float | None]:
    """For each pair of sampled frames what is found between them, in seconds from the film's first frame."""
    zero = zero_of(made.path)
    found = [
        first_frame_after_cut(made.path, zero + before, zero + after, placing=placing)
        for before, after in pairwise(sampled(made.times))
    ]
    return [None if seconds is None else seconds - zero for seconds in found]


def expected(made: Film) -> list[float | None]:
    cuts = [float(made.times[cut]) for cut in made.cuts]
    return [next((cut for cut in cuts if before < cut <= after), None) for before, after in pairwise(sampled(made.times))]


def assert_right_to_the_frame(made: Film) -> None:
    for found, wanted in zip(placed(made), expected(made), strict=True):
        assert (found is None) == (wanted is None)
        assert found is None or found == pytest.approx(wanted, abs=MILLISECOND)


@pytest.mark.parametrize("codec", NO_CUT_KEYS)
def test_every_cut_is_found_to_the_frame_and_nothing_else(tmp_path: Path, codec: str) -> None:
    recipe = NO_CUT_KEYS[codec]
    assert_right_to_the_frame(film(tmp_path / f"cuts{recipe.suffix}", recipe, steady(60), cuts=[7, 23, 35, 44]))


def test_also_at_59_94_frames_a_second(tmp_path: Path) -> None:
    times = steady(120, Fraction(60000, 1001))
    assert_right_to_the_frame(film(tmp_path / "fast.mp4", LONG_GOPS, times, cuts=[31, 61, 84], drift=0.1))


def test_also_where_frames_last_differently_long(tmp_path: Path) -> None:
    steps = [Fraction(1, 25) if number % 5 else Fraction(3, 25) for number in range(50)]
    times = [sum(steps[:number], Fraction(0)) for number in range(50)]
    assert_right_to_the_frame(film(tmp_path / "vfr.mp4", LONG_GOPS, times, cuts=[12, 20, 36]))


def test_a_cut_to_a_sampled_frame_itself_is_that_frame(tmp_path: Path) -> None:
    made = film(tmp_path / "at.mp4", LONG_GOPS, steady(40), cuts=[15])
    assert placed(made) == [None, None, pytest.approx(0.6, abs=MILLISECOND), None, None, None, None]


def test_quick_movement_is_no_cut(tmp_path: Path) -> None:
    made = film(tmp_path / "quick.mp4", LONG_GOPS, steady(40), cuts=[], drift=9)
    assert set(placed(made)) == {None}


def test_a_higher_threshold_finds_strong_cuts_alone(tmp_path: Path) -> None:
    made = film(tmp_path / "t.mp4", LONG_GOPS, steady(20), cuts=[8])
    assert any(placed(made))
    assert not any(placed(made, Placing("content", 10.0)))


def test_a_broken_or_missing_file_has_no_cut(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"nothing" * 1000)
    for name in ("broken.mp4", "missing.mp4"):
        assert first_frame_after_cut(tmp_path / name, 0.0, 0.2, placing=PLACING) is None


def test_where_no_keyframe_is_near_it_is_not_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = film(tmp_path / "long.mp4", LONG_GOPS, steady(60), cuts=[50])
    monkeypatch.setattr("stream_processor.finishing.placing.LONGEST_GOP_SECONDS", 1.0)
    assert not any(placed(made))


def test_it_stops_when_nobody_waits_any_more(tmp_path: Path) -> None:
    made = film(tmp_path / "t.mp4", LONG_GOPS, steady(20), cuts=[8])
    assert not any(placed(made, Placing("content", 1.0, is_cancelled=lambda: True)))


def test_sintels_cuts_lie_where_the_eye_sees_them(media: Callable[[str], Path]) -> None:
    path = media("sintel_trailer_480p.mp4")
    for cut in (334, 396, 404, 420, 571, 621, 658, 672, 1163, 1220):  # numbers of first frames, by eye; 24 a second
        after = next(seconds for seconds in sampled(steady(1253, Fraction(24))) if seconds >= cut / 24)
        before = max(seconds for seconds in sampled(steady(1253, Fraction(24))) if seconds < cut / 24)
        assert first_frame_after_cut(path, before, after, placing=PLACING) == pytest.approx(cut / 24, abs=MILLISECOND)
