"""From decoded frames and sound to panes. Pictures here are 4 × 16 pixels whose every byte says which frame it is."""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processor.frames import STALL_SECONDS, Grid, PaneBuilder, PaneShape, analysis_size, panes_at_once
from stream_processor.records import Pane

RATE = 1000
BLOCKS = 2
VALID = BLOCKS + panes_at_once(Fraction(1))
"""How many panes in a row are valid at a time."""
RATES = {
    "12.5": Fraction(25, 2),
    "23.976": Fraction(24_000, 1001),
    "24": Fraction(24),
    "25": Fraction(25),
    "29.97": Fraction(30_000, 1001),
    "50": Fraction(50),
    "59.94": Fraction(60_000, 1001),
    "60": Fraction(60),
}


def builder(*, picture: bool = True, sound: bool = True, pane_seconds: Fraction = Fraction(1), fps: float = 5.0) -> PaneBuilder:
    shape = PaneShape(
        pane_seconds=pane_seconds,
        fps=fps,
        frame=(4, 16) if picture else None,
        picture=None,
        picture_fps=1.0,
        sample_rate=RATE if sound else None,
        blocks=BLOCKS,
    )
    return PaneBuilder(shape, epoch=3, start_seconds=100.0)


def show(panes: PaneBuilder, number: int, seconds: Fraction, frame_seconds: Fraction = Fraction(1, 5)) -> list[Pane]:
    """A frame passes, and is sampled."""
    done = panes.advance(seconds, seconds + frame_seconds, float(seconds))
    slot = panes.frame(seconds)
    if slot is not None:
        slot[...] = number % 256
    return done


def hear(panes: PaneBuilder, first: int, count: int) -> list[Pane]:
    """Samples that say their own index."""
    return panes.sound(Fraction(first, RATE), np.arange(first, first + count, dtype=np.float32), first / RATE)


def frames_of(pane: Pane) -> list[int]:
    assert pane.frames is not None
    for plane in pane.frames.planes:
        assert (plane == plane[0, 0]).all()
    return [int(plane[0, 0]) for plane in pane.frames.planes]


def sound_of(panes: Sequence[Pane]) -> list[float]:
    return [float(sample) for pane in panes if pane.sound is not None for sample in pane.sound.samples]


# ---- the grid -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fps", RATES.values(), ids=RATES)
def test_each_fifth_of_a_second_gives_its_first_frame(fps: Fraction) -> None:
    grid = Grid(5.0)
    taken = [number / fps for number in range(int(20 * fps)) if grid.takes(number / fps)]
    assert [int(seconds * 5) for seconds in taken] == list(range(100))
    assert all(seconds * 5 % 1 < 5 / fps for seconds in taken)


@pytest.mark.parametrize("fps", RATES.values(), ids=RATES)
def test_after_days_it_is_as_exact_as_at_the_start(fps: Fraction) -> None:
    days = 1001 * 86_400  # a whole number of frames and of cells at every rate
    early, late = Grid(5.0), Grid(5.0)
    for number in range(int(10 * fps)):
        assert early.takes(number / fps) == late.takes(days + number / fps)


@pytest.mark.parametrize("fps", RATES.values(), ids=RATES)
@pytest.mark.parametrize("ticks", [1_000, 90_000], ids=["milliseconds", "90 kHz"])
def test_timestamps_that_were_rounded_give_as_many_samples_and_frames_at_most_one_apart(fps: Fraction, ticks: int) -> None:
    exact, rounded = Grid(5.0), Grid(5.0)
    times = [number / fps for number in range(int(60 * fps))]
    chosen = [number for number, seconds in enumerate(times) if exact.takes(seconds)]
    nearly = [number for number, seconds in enumerate(times) if rounded.takes(Fraction(round(seconds * ticks), ticks))]
    assert len(chosen) == len(nearly)
    assert all(abs(one - other) <= 1 for one, other in zip(chosen, nearly, strict=True))


def test_a_stream_with_fewer_frames_than_samples_gives_every_frame() -> None:
    grid = Grid(5.0)
    assert all(grid.takes(Fraction(number, 2)) for number in range(20))


@settings(deadline=None)
@given(st.lists(st.fractions(0, 100), unique=True, max_size=200).map(sorted), st.sampled_from([0.5, 1.0, 5.0, 7.0, 29.97]))
def test_whatever_the_frame_rate_does_each_cell_gives_its_first_frame_and_no_other(times: list[Fraction], fps: float) -> None:
    grid = Grid(fps)
    rate = Fraction(fps).limit_denominator(1000)
    firsts = {math.floor(seconds * rate): seconds for seconds in reversed(times)}
    assert [seconds for seconds in times if grid.takes(seconds)] == sorted(firsts.values())


# ---- panes of frames ------------------------------------------------------------------------------------------------


def test_a_pane_holds_the_frames_of_its_own_second() -> None:
    panes = builder(sound=False)
    done = [pane for number in range(11) for pane in show(panes, number, Fraction(number, 5))]
    assert [(pane.number, pane.start_seconds, pane.duration_seconds, frames_of(pane)) for pane in done] == [
        (0, 100.0, 1.0, [0, 1, 2, 3, 4])
    ]
    done += panes.finish()
    assert [frames_of(pane) for pane in done] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10]]
    assert [pane.is_last for pane in done] == [False, False, True]
    assert {pane.epoch for pane in done} == {3}
    assert done[0].frames is not None
    assert done[0].frames.times.tolist() == [0.0, 0.2, 0.4, 0.6, 0.8]
    assert done[-1].duration_seconds == pytest.approx(0.2)


def test_a_pane_says_when_its_last_packet_came() -> None:
    panes = builder(sound=False)
    done = [pane for number in range(6) for pane in show(panes, number, Fraction(number, 5))]
    done += panes.advance(Fraction(13, 10), Fraction(14, 10), 77.0)
    assert [pane.arrived_at for pane in done] == [77.0]


def test_an_epoch_that_ends_with_its_pane_has_no_stub_after_it() -> None:
    panes = builder()
    done = [pane for number in range(10) for pane in show(panes, number, Fraction(number, 5))]
    done += hear(panes, 0, 2 * RATE)
    done += panes.finish()
    assert [(pane.duration_seconds, pane.is_last) for pane in done] == [(1.0, False), (1.0, True)]


def test_an_epoch_without_anything_still_ends_with_a_last_pane() -> None:
    (pane,) = builder().finish()
    assert pane.is_last
    assert frames_of(pane) == []


def test_a_pane_waits_for_its_sound_and_the_next_one_s_frames_wait_with_it() -> None:
    panes = builder()
    done = [pane for number in range(14) for pane in show(panes, number, Fraction(number, 5))]
    assert done == []
    done += hear(panes, 0, 1500)
    assert [frames_of(pane) for pane in done] == [[0, 1, 2, 3, 4]]
    done += hear(panes, 1500, 1400)
    done += panes.finish()
    assert [frames_of(pane) for pane in done] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11, 12, 13]]
    assert sound_of(done) == [float(index) for index in range(2900)]


def test_a_frame_that_comes_after_its_pane_was_given_out_is_counted_and_left_out() -> None:
    panes = builder(sound=False)
    panes.advance(Fraction(21, 10), Fraction(22, 10), 0.0)
    assert panes.frame(Fraction(19, 10)) is None
    assert panes.late == 1


def test_a_hole_in_the_picture_gives_panes_without_frames() -> None:
    panes = builder(sound=False)
    done = [*show(panes, 1, Fraction(0)), *show(panes, 2, Fraction(7, 2)), *panes.finish()]
    assert [frames_of(pane) for pane in done] == [[1], [], [], [2]]


def test_frames_that_crowd_one_pane_all_find_room() -> None:
    panes = builder(sound=False)
    done = [pane for number in range(60) for pane in show(panes, number, Fraction(number, 60), Fraction(1, 60))]
    done += panes.finish()
    assert frames_of(done[0]) == list(range(60))


def test_panes_need_not_be_whole_seconds() -> None:
    panes = builder(sound=False, pane_seconds=Fraction(1, 3), fps=12.0)
    done = [pane for number in range(24) for pane in show(panes, number, Fraction(number, 12), Fraction(1, 12))]
    done += panes.finish()
    assert [frames_of(pane) for pane in done] == [list(range(first, first + 4)) for first in range(0, 24, 4)]
    assert [pane.start_seconds for pane in done] == pytest.approx([100 + number / 3 for number in range(6)])


def test_a_pane_stays_what_it_is_until_so_many_others_have_been_made() -> None:
    panes = builder(sound=False)
    kept: list[tuple[Pane, list[int]]] = []
    for number in range(5 * 40):
        for pane in show(panes, number, Fraction(number, 5)):
            kept = [*kept, (pane, frames_of(pane))][-VALID:]
            for older, frames in kept:
                assert frames_of(older) == frames
    assert len(kept) == VALID


def test_a_pane_stays_what_it_is_where_the_picture_runs_seconds_ahead_of_the_sound() -> None:
    panes = builder()
    kept: list[tuple[Pane, list[int]]] = []
    for number in range(5 * 40):
        done = show(panes, number, Fraction(number, 5))
        done += hear(panes, (number - 12) * 200, 200) if number >= 12 else []
        for pane in done:
            assert frames_of(pane) == [frame % 256 for frame in range(pane.number * 5, pane.number * 5 + 5)]
            kept = [*kept, (pane, frames_of(pane))][-VALID:]
        for older, frames in kept:
            assert frames_of(older) == frames


def test_all_panes_that_are_given_out_together_are_valid() -> None:
    panes = builder()
    done = [pane for number in range(5 * 4) for pane in show(panes, number, Fraction(number, 5))]
    assert len(done) == 0  # the sound has not come, and not stopped for long enough
    done += hear(panes, 0, 3_700)
    assert [frames_of(pane) for pane in done] == [list(range(first, first + 5)) for first in (0, 5, 10)]


def test_memory_is_used_again_and_not_taken_anew() -> None:
    panes = builder(sound=False)
    done = [pane for number in range(5 * 40) for pane in show(panes, number, Fraction(number, 5))]
    places = {pane.frames.planes.__array_interface__["data"][0] for pane in done if pane.frames is not None}
    assert len(places) == VALID + 1


# ---- sound ----------------------------------------------------------------------------------------------------------


def test_the_sound_of_consecutive_panes_adjoins() -> None:
    panes = builder(picture=False)
    done = [pane for first in range(0, 3500, 70) for pane in hear(panes, first, 70)]
    done += panes.finish()
    assert sound_of(done) == [float(index) for index in range(3500)]
    assert [pane.sound.first for pane in done if pane.sound is not None] == [0, 1000, 2000, 3000]
    assert all(pane.frames is None and pane.pictures is None for pane in done)


def test_panes_whose_length_is_no_whole_number_of_samples_adjoin_too() -> None:
    panes = builder(picture=False, pane_seconds=Fraction(1, 7))
    done = [pane for first in range(0, 2000, 100) for pane in hear(panes, first, 100)]
    done += panes.finish()
    assert sound_of(done) == [float(index) for index in range(2000)]
    assert done[3].sound is not None
    assert done[3].sound.first == math.ceil(3 * RATE / 7)


def test_timestamps_of_sound_that_tremble_or_drift_tear_nothing() -> None:
    panes = builder(picture=False)
    done = []
    for number in range(300):
        tremble = [0, 40, -40, 17, -3][number % 5]
        done += panes.sound(Fraction(max(number * 10 + tremble, 0), RATE), np.full(10, number, np.float32), 0.0)
    done += panes.finish()
    heard = sound_of(done)
    assert len(heard) == 3000
    assert not np.isnan(heard).any()
    assert panes.late == 0


def test_a_hole_in_the_sound_is_not_silence() -> None:
    panes = builder(picture=False)
    done = [*hear(panes, 0, 200), *hear(panes, 700, 500), *panes.finish()]
    heard = np.array(sound_of(done))
    assert np.isnan(heard[200:700]).all()
    assert heard[:200].tolist() == list(range(200))
    assert heard[700:].tolist() == list(range(700, 1200))


def test_a_hole_of_an_hour_in_picture_and_sound_gives_its_panes_and_takes_no_memory() -> None:
    """So long may a full disk hold all decisions back; what was dropped from the backlog meanwhile is a hole."""
    #  picture, sound   █                                              █
    #  panes            0 1 2 … each of them empty, all given out at once
    panes, hour = builder(), 3600
    done = [*hear(panes, 0, 500), *show(panes, 0, Fraction(0))]
    done += [*hear(panes, hour * RATE, 500), *show(panes, 1, Fraction(hour)), *panes.finish()]
    assert [pane.number for pane in done] == list(range(hour + 1))
    sounds = [pane.sound.samples for pane in done if pane.sound is not None]
    owners = {id(owner): owner.nbytes for sound in sounds for owner in [sound if sound.base is None else sound.base]}
    assert sum(owners.values()) < 5 * RATE * 4
    assert [len(sound) for sound in sounds] == [*[RATE] * hour, 500]
    assert np.flatnonzero(~np.isnan(np.concatenate(sounds))).tolist() == [*range(500), *range(hour * RATE, hour * RATE + 500)]


def test_sound_that_begins_late_has_a_hole_before_it_and_sound_from_before_the_first_frame_is_cut() -> None:
    late = builder(picture=False)
    heard = sound_of([*hear(late, 20, 100), *late.finish()])
    assert np.isnan(heard[:20]).all()
    assert heard[20:] == [float(index) for index in range(20, 120)]
    early = builder(picture=False)
    assert sound_of([*hear(early, -30, 100), *early.finish()]) == [float(index) for index in range(70)]


def test_sound_that_overlaps_what_was_heard_is_cut() -> None:
    panes = builder(picture=False)
    done = [*hear(panes, 0, 500), *hear(panes, 200, 500), *hear(panes, 100, 50), *hear(panes, 700, 100), *panes.finish()]
    assert sound_of(done) == [float(index) for index in range(800)]
    assert panes.late == 2


def test_sound_that_ends_before_the_picture_leaves_a_hole_at_the_end() -> None:
    panes = builder()
    done = [pane for number in range(10) for pane in show(panes, number, Fraction(number, 5))]
    done += hear(panes, 0, 1200)
    done += panes.finish()
    heard = sound_of(done)
    assert len(heard) == 2000
    assert np.isnan(heard[1200:]).all()


def test_sound_that_goes_on_after_the_picture_has_its_panes() -> None:
    panes = builder()
    done = show(panes, 7, Fraction(0))
    done += hear(panes, 0, 2500)
    done += panes.finish()
    assert [frames_of(pane) for pane in done] == [[7], [], []]
    assert len(sound_of(done)) == 2500
    assert done[-1].duration_seconds == 0.5


# ---- stalls ---------------------------------------------------------------------------------------------------------


def test_panes_no_longer_wait_for_sound_that_has_stopped_and_take_it_in_again_when_it_is_back() -> None:
    panes = builder()
    done = hear(panes, 0, 600)
    for number in range(5 * 10):
        done += show(panes, number, Fraction(number, 5))
    assert [pane.number for pane in done] == list(range(int(9.8 - STALL_SECONDS)))
    done += hear(panes, 9_800, 400)
    done += panes.finish()
    heard = np.array(sound_of(done))
    assert len(heard) == 10_200
    assert np.flatnonzero(~np.isnan(heard)).tolist() == [*range(600), *range(9_800, 10_200)]
    assert [number for pane in done for number in frames_of(pane)] == list(range(50))


def test_panes_no_longer_wait_for_a_picture_that_has_stopped() -> None:
    panes = builder()
    done = show(panes, 0, Fraction(0))
    for second in range(10):
        done += hear(panes, second * RATE, RATE)
    assert [frames_of(pane) for pane in done] == [[0], [], [], [], [], []]
    done += show(panes, 50, Fraction(10))
    done += panes.finish()
    assert [number for pane in done for number in frames_of(pane)] == [0, 50]  # ten empty panes have not overwritten the first
    assert sound_of(done) == [*map(float, range(10_000)), *[pytest.approx(math.nan, nan_ok=True)] * 200]


def test_sound_that_comes_back_late_keeps_what_is_not_yet_given_out() -> None:
    panes = builder()
    done = hear(panes, 0, 500)
    for number in range(5 * 6):
        done += show(panes, number, Fraction(number, 5))
    assert len(done) == 2  # [0, 2) is gone: the picture is at 5.8
    done += hear(panes, 1_500, 1_000)
    done += panes.finish()
    heard = np.array(sound_of(done))
    assert heard[2_000:2_500].tolist() == list(range(2_000, 2_500))
    assert np.isnan(heard[500:2_000]).all()
    assert panes.late == 1


# ---- laws -----------------------------------------------------------------------------------------------------------


def cut_into(panes: PaneBuilder, steps: Sequence[Callable[[], list[Pane]]]) -> list[Pane]:
    return [*[pane for step in steps for pane in step()], *panes.finish()]


@settings(deadline=None)
@given(
    times=st.lists(st.fractions(0, 12, max_denominator=90), unique=True, min_size=1, max_size=60).map(sorted),
    blocks=st.lists(st.integers(1, 900), min_size=1, max_size=30),
    sound_lag=st.fractions(0, 2, max_denominator=10),
    pane_seconds=st.sampled_from([Fraction(1), Fraction(1, 2), Fraction(2), Fraction(1, 3)]),
)
def test_each_frame_and_each_sample_is_in_exactly_one_pane_whatever_the_interleaving(
    times: list[Fraction], blocks: list[int], sound_lag: Fraction, pane_seconds: Fraction
) -> None:
    panes = builder(pane_seconds=pane_seconds)
    steps: list[tuple[Fraction, int, Callable[[], list[Pane]]]] = []
    for number, seconds in enumerate(times):
        steps.append((seconds, 0, lambda number=number, seconds=seconds: show(panes, number, seconds)))
    first = 0
    for count in blocks:
        steps.append((Fraction(first, RATE) + sound_lag, 1, lambda first=first, count=count: hear(panes, first, count)))
        first += count
    done: list[Pane] = []
    seen: list[tuple[int, float]] = []
    for pane in cut_into(panes, [step for _, _, step in sorted(steps, key=lambda step: step[:2])]):
        done.append(pane)
        assert pane.frames is not None
        assert pane.sound is not None
        begin = float(pane.number * pane_seconds)
        assert all(begin <= seconds < begin + pane.duration_seconds + 1e-9 for seconds in pane.frames.times)
        assert pane.is_last or len(pane.sound.samples) == math.ceil((pane.number + 1) * pane_seconds * RATE) - pane.sound.first
        seen += zip(range(len(seen), len(seen) + len(pane.frames.times)), pane.frames.times.tolist(), strict=True)
    assert [pane.number for pane in done] == list(range(len(done)))
    assert [pane.is_last for pane in done] == [False] * (len(done) - 1) + [True]
    assert panes.late == 0
    assert [seconds for _, seconds in seen] == [float(seconds) for seconds in times]
    heard = np.array(sound_of(done))
    assert heard[:first].tolist() == list(range(first))
    assert np.isnan(heard[first:]).all()


@settings(deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=30), st.lists(st.integers(1, 400), min_size=1, max_size=30))
def test_how_the_sound_was_cut_into_blocks_changes_nothing(one: list[int], other: list[int]) -> None:
    total = min(sum(one), sum(other))

    def hear_all(counts: list[int]) -> list[list[float]]:
        panes, first, done = builder(picture=False), 0, []
        for wanted in counts:
            count = min(wanted, total - first)
            done += hear(panes, first, count) if count else []
            first += count
        return [sound_of([pane]) for pane in [*done, *panes.finish()]]

    assert hear_all(one) == hear_all(other)


# ---- the analysed size ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("width", "height", "aspect", "expected"),
    [
        (1920, 1080, 1.0, (180, 320)),
        (854, 480, 1.0, (180, 320)),
        (720, 576, 64 / 45, (180, 320)),
        (320, 90, 1.0, (88, 312)),
        (1080, 1920, 1.0, (180, 102)),
        (8000, 100, 1.0, (100, 400)),
        (2, 1000, 1.0, (180, 16)),
        (640, 3, 1.0, (4, 16)),
    ],
)
def test_a_stream_is_analysed_small_and_never_enlarged(width: int, height: int, aspect: float, expected: tuple[int, int]) -> None:
    assert analysis_size(width, height, 180, aspect) == expected


@settings(deadline=None)
@given(st.integers(1, 8192), st.integers(1, 8192), st.integers(8, 180).map(lambda quarter: 4 * quarter), st.floats(0.1, 10))
def test_every_analysed_size_fits_the_frames_layout(width: int, height: int, analysis_height: int, aspect: float) -> None:
    rows, columns = analysis_size(width, height, analysis_height, aspect)
    assert rows % 4 == 0
    assert columns % 2 == 0
    assert 4 <= rows <= analysis_height
    assert 16 <= columns <= 4 * rows
