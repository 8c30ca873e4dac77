"""Pictures that come back, drawn as a line of letters: a letter is a picture, a fifth of a second long."""

import itertools

import numpy as np
import pytest

from scorers.recurrence import COLUMNS, ROWS, Recurrence, Seen
from stream_processor.records import Frames

HEIGHT, WIDTH = 72, 128


def picture(letter: str, seed: int = 0) -> np.ndarray:
    """A texture of its own for every letter; ``.`` is black."""
    planes = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
    if letter == ".":
        planes[:HEIGHT] = 16
    else:
        blocks = np.random.default_rng([ord(letter), seed]).integers(40, 220, (ROWS, COLUMNS))
        planes[:HEIGHT] = np.kron(blocks, np.ones((HEIGHT // ROWS, WIDTH // COLUMNS)))
    return planes


def frames(pictures: list[np.ndarray], start_seconds: float = 0.0) -> Frames:
    return Frames(start_seconds + np.arange(len(pictures)) / 5, np.array(pictures))


def look(pictures: list[np.ndarray], shortest_seconds: float = 2.0, longest_seconds: float = 10.0) -> list[Seen]:
    return list(Recurrence(shortest_seconds, longest_seconds).look(frames(pictures)))


def never_the_same(count: int) -> list[np.ndarray]:
    return [picture("x", seed) for seed in range(count)]


def test_a_still_picture_has_come_back_for_as_long_as_it_stands_less_the_shortest_lag() -> None:
    seen = look([picture("A")] * 30)
    assert [each.back_seconds for each in seen[:10]] == [0.0] * 10
    assert seen[19].back_seconds == pytest.approx(2.0)
    assert all(each.stands_still for each in seen[10:])


def test_an_animation_that_loops_comes_back_and_does_not_stand_still() -> None:
    # A B C D E F G A B C D E F G A B …: seven pictures, 1.4 s, found by their multiple of 2.8 s
    seen = look([picture(letter) for _, letter in zip(range(40), itertools.cycle("ABCDEFG"), strict=False)])
    assert seen[13].back_seconds == 0
    assert seen[-1].back_seconds == pytest.approx(4.0), "twice the shortest lag is as far as it counts"
    assert not any(each.stands_still for each in seen)


def test_what_never_comes_back_is_nothing() -> None:
    assert all(each.back_seconds == 0 for each in look(never_the_same(60)))


def test_a_loop_longer_than_the_longest_lag_is_none() -> None:
    assert all(each.back_seconds == 0 for each in look(never_the_same(55) * 3))


def test_the_first_new_picture_ends_it() -> None:
    seen = look([*[picture("A")] * 30, *never_the_same(3)])
    assert [each.back_seconds for each in seen[30:]] == [0.0] * 3


def test_one_odd_picture_does_not_begin_the_count_anew() -> None:
    seen = look([*[picture("A")] * 30, picture("Z"), *[picture("A")] * 4])
    assert seen[30].back_seconds == 0
    assert seen[31].back_seconds == pytest.approx(4.0 - 2.0 + 0.2)


@pytest.mark.parametrize(("rows", "comes_back"), [(2, True), (12, False)], ids=["a-clock-runs", "somebody-walks"])
def test_something_small_may_move_in_a_still_picture_and_nothing_large(rows: int, comes_back: bool) -> None:
    random = np.random.default_rng(2)
    moving = []
    for _ in range(40):
        planes, left = picture("A"), 4 * random.integers(0, 20)
        planes[: 4 * rows, left : left + 8] = random.integers(16, 236)
        moving.append(planes)
    assert (look(moving)[-1].back_seconds > 2) == comes_back


def test_a_slow_change_is_none_although_each_picture_is_like_the_one_before() -> None:
    ramp = [np.clip(picture("A").astype(int) + number, 0, 255).astype(np.uint8) for number in range(60)]
    assert all(each.back_seconds == 0 for each in look(ramp))


def test_codec_noise_is_no_change() -> None:
    noise = np.random.default_rng(1)
    noisy = [np.clip(picture("A") + noise.integers(-4, 5, (HEIGHT * 3 // 2, WIDTH)), 0, 255).astype(np.uint8) for _ in range(30)]
    assert look(noisy)[-1].back_seconds > 2


def test_black_is_black() -> None:
    assert look([picture(".")] * 3)[-1].is_black
    assert not look([picture("A")] * 3)[-1].is_black


def test_a_picture_that_is_not_sent_again_was_still_shown() -> None:
    # a screen capture sends nothing while nothing changes: 0 s and then 5 s
    recurrence = Recurrence(2.0, 10.0)
    (first,) = recurrence.look(frames([picture("A")]))
    (later,) = recurrence.look(frames([picture("A")], start_seconds=5.0))
    assert first.back_seconds == 0
    assert later.back_seconds == pytest.approx(3.2)


def test_more_pictures_than_five_a_second_change_nothing() -> None:
    quick = Frames(np.arange(150) / 25, np.array([picture("A")] * 150))
    seen = list(Recurrence(2.0, 10.0).look(quick))
    assert len(seen) == 30
    assert [each.back_seconds for each in seen] == [each.back_seconds for each in look([picture("A")] * 30)]
