"""Waiting screens: what is shown and what is heard, together."""

import numpy as np
import pytest

from scorers.nuisance import Standby
from stream_processor.records import Frames, Pane
from tests.scorers.test_pauses import RATE, sound
from tests.scorers.test_recurrence import frames, never_the_same, picture

MUSIC, TALK, SILENCE = "#" * 10, "##..#.###.", "." * 10


def panes(pictures: list[np.ndarray], seconds_of_sound: list[str] | None) -> list[Pane]:
    shown = frames(pictures)
    made = []
    for number in range(len(pictures) // 5):
        heard = None if seconds_of_sound is None else sound(seconds_of_sound[number], first=number * RATE)
        planes = Frames(shown.times[5 * number : 5 * number + 5], shown.planes[5 * number : 5 * number + 5])
        made.append(Pane(0, number, float(number), 1.0, planes, None, heard))
    return made


def shares(pictures: list[np.ndarray], seconds_of_sound: list[str] | None, after_seconds: float = 10.0) -> list[float]:
    """Of each second, how much is a waiting screen."""
    scorer = Standby(after_seconds=after_seconds, longest_loop_seconds=20)
    memory = scorer.start()
    return [
        float(samples.values.mean()) for pane in panes(pictures, seconds_of_sound) for samples in scorer.score([(memory, pane)])
    ]


STILL = [picture("A")] * 150
BLACK = [picture(".")] * 150
LOOP = [picture("x", seed) for _ in range(8) for seed in range(20)][:150]  # four seconds, again and again
GAME = never_the_same(150)


@pytest.mark.parametrize(
    ("pictures", "second", "expected"),
    [
        (STILL, MUSIC, 1.0),
        (LOOP, MUSIC, 1.0),
        (LOOP, SILENCE, 1.0),
        (BLACK, MUSIC, 1.0),
        (BLACK, SILENCE, 1.0),
        (STILL, SILENCE, 0.0),  # as well a camera before which nobody stands
        (STILL, TALK, 0.0),
        (LOOP, TALK, 0.0),
        (BLACK, TALK, 0.0),
        (GAME, MUSIC, 0.0),
        (GAME, SILENCE, 0.0),
        (GAME, TALK, 0.0),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_a_waiting_screen(pictures: list[np.ndarray], second: str, expected: float) -> None:
    found = shares(pictures, [second] * 30)
    assert found[20:] == [expected] * 10
    assert max(found) == expected


def test_without_a_sound_track_only_black_and_loops_are() -> None:
    assert shares(STILL, None)[-1] == 0
    assert shares(LOOP, None)[-1] == 1
    assert shares(BLACK, None)[-1] == 1


def test_it_is_one_after_so_long_and_no_more_with_the_first_picture_of_the_game() -> None:
    found = shares([*[picture("A")] * 100, *never_the_same(50)], [MUSIC] * 30)
    assert found[:9] == [0.0] * 9
    assert found[10:20] == [1.0] * 10
    assert found[20:] == [0.0] * 10


def test_sound_in_the_silence_of_a_still_picture_is_none() -> None:
    # bursts, as of somebody who begins to speak before a camera that shows nothing
    assert max(shares(STILL, [SILENCE] * 12 + [MUSIC] * 2 + [SILENCE] * 16)) == 0


def test_who_has_spoken_over_a_still_picture_keeps_it_from_being_one_for_two_minutes() -> None:
    # a chess board under music: somebody speaks over it from 20 to 26 s
    pictures, heard = [picture("A")] * (5 * 180), [MUSIC] * 20 + [TALK] * 6 + [MUSIC] * 154
    found = shares(pictures, heard)
    assert found[19] == 1
    assert max(found[25:146]) == 0
    assert found[170:] == [1.0] * 10


def test_who_spoke_before_the_screen_does_not() -> None:
    # a game that somebody speaks over, and shouts when it is over
    found = shares([*never_the_same(100), *[picture("A")] * 100], [TALK] * 19 + ["!" * 10] + [MUSIC] * 20)
    assert found[31:] == [1.0] * 9


def test_who_begins_to_speak_over_a_waiting_screen_ends_it() -> None:
    found = shares(LOOP, [MUSIC] * 20 + [TALK] * 10)
    assert found[19] == 1
    assert found[-1] == 0
