"""Boundaries that move to a cut nearby.

::

    shots      0 ────────┤10├──────────┤20├──────────┤30├────── 40      cuts at 10, 20 and 30 s
    highlight                 13 ══peak 16══ 18
    clip                 9.4 ├─────────────────────┤ 20.6
    aligned               10 ├──────────────────┤ 20
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from stream_processor.finishing.contract import Evidence, Step
from stream_processor.finishing.draft import Draft
from stream_processor.finishing.scene import AROUND_PEAK_SECONDS, MOST_TRIED, SceneAlignment
from stream_processor.finishing.settings import SceneSettings
from stream_processor.records import Highlight, Samples, ScoredWindow

CUTS = (10.0, 20.0, 30.0)


@dataclass
class Shots:
    """Evidence of a stream with ``cuts`` at these times, strongest first, and with quick ``movement`` that only looks so."""

    cuts: Sequence[float] = CUTS
    movement: Sequence[float] = ()
    bounds: tuple[float, float] = (0.0, 40.0)
    fps: float = 5.0
    strength: float = 3.0
    asked: list[tuple[float, float]] = field(default_factory=list)

    def trace(self, name: str, start_seconds: float, end_seconds: float) -> Samples:
        assert name == "scene"
        times = np.arange(round(40 * self.fps) + 1) / self.fps
        values = np.full(len(times), 0.1)
        for changed in (*self.cuts, *self.movement):
            values[np.searchsorted(times, changed)] = self.strength
        shown = (times >= start_seconds) & (times < end_seconds)
        return Samples(times[shown], values[shown])

    def windows(self, start_seconds: float, end_seconds: float) -> Sequence[ScoredWindow]:
        return ()

    def first_frame_after_cut(self, before_seconds: float, after_seconds: float) -> float | None:
        self.asked.append((before_seconds, after_seconds))
        return next((cut for cut in self.cuts if before_seconds < cut <= after_seconds), None)


def draft(start: float, end: float, peak: float = 16.0) -> Draft:
    return Draft(Highlight("a-0-1", 0, min(peak, 13.0), max(peak, 18.0), peak, 3.0, 1.0, {}, {}), start, end)


def aligned(clip: Draft, shots: Shots, **settings: float) -> Draft:
    return SceneAlignment(SceneSettings(**settings)).finish(clip, shots)  # type: ignore[arg-type]


def test_it_is_a_step_and_its_evidence_is_evidence() -> None:
    step = SceneAlignment(SceneSettings(max_shift_seconds=1.2))
    assert isinstance(step, Step)
    assert isinstance(Shots(), Evidence)
    assert (step.before_seconds, step.after_seconds, step.observers) == (1.2, 1.2, ("scene",))


def test_both_boundaries_move_to_a_cut_and_it_says_how_far() -> None:
    done = aligned(draft(9.4, 20.6), Shots())
    assert (done.start_seconds, done.end_seconds) == (10.0, 20.0)
    assert [note.reason for note in done.notes] == [
        "start moved 0.6 s later, to a cut at 10.00 s",
        "end moved 0.6 s earlier, to a cut at 20.00 s",
    ]
    assert {note.step for note in done.notes} == {"scene"}


def test_they_also_move_outwards() -> None:
    done = aligned(draft(10.5, 19.25), Shots())
    assert (done.start_seconds, done.end_seconds) == (10.0, 20.0)
    assert done.notes[0].reason == "start moved 0.5 s earlier, to a cut at 10.00 s"


def test_a_cut_between_sampled_frames_is_taken_to_the_frame() -> None:
    done = aligned(draft(9.4, 25.0), Shots(cuts=[10.033]))
    assert done.start_seconds == 10.033


def test_small_moves_are_told_to_the_hundredth() -> None:
    assert aligned(draft(9.96, 25.0), Shots()).notes[0].reason == "start moved 0.04 s later, to a cut at 10.00 s"


def test_of_two_cuts_the_nearest_is_taken() -> None:
    assert aligned(draft(10.0, 25.0), Shots(cuts=[9.0, 10.7, 11.1])).start_seconds == 10.7
    assert aligned(draft(10.0, 25.0), Shots(cuts=[9.5, 10.7, 11.1])).start_seconds == 9.5


def test_the_nearest_is_taken_although_another_was_sampled_nearer() -> None:
    #   sampled  10.0      10.2            cut at 10.01, boundary at 10.19: 0.18 s away
    #            ├x────────╷─┤x────         cut at 10.21: 0.02 s away, in the next pair
    assert aligned(draft(10.19, 25.0), Shots(cuts=[10.01, 10.21])).start_seconds == 10.21


def test_nothing_within_reach_changes_nothing() -> None:
    clip = draft(12.0, 18.0)
    assert aligned(clip, Shots()) is clip
    assert aligned(draft(9.4, 20.6), Shots(), max_shift_seconds=0.5) == draft(9.4, 20.6)


def test_a_boundary_that_may_not_move_costs_no_decoding() -> None:
    shots = Shots(cuts=[9.4, 20.6])
    assert aligned(draft(9.4, 20.6), shots, max_shift_seconds=0) == draft(9.4, 20.6)
    assert shots.asked == []


def test_no_trace_changes_nothing() -> None:
    clip = draft(9.4, 20.6)
    assert aligned(clip, Shots(cuts=())) is clip


def test_a_boundary_on_a_cut_stays_although_there_is_another() -> None:
    clip = draft(10.0, 20.0)
    assert aligned(clip, Shots(cuts=[9.6, 10.0, 20.0, 20.3])) is clip


def test_movement_that_no_frame_confirms_is_no_cut() -> None:
    done = aligned(draft(9.4, 25.0), Shots(cuts=[10.4], movement=[9.6, 9.2]))
    assert done.start_seconds == 10.4


def test_a_weak_change_is_not_even_looked_at() -> None:
    shots = Shots(strength=0.9)
    assert aligned(draft(9.4, 20.6), shots) == draft(9.4, 20.6)
    assert shots.asked == []
    assert aligned(draft(9.4, 20.6), shots, threshold=0.9).start_seconds == 10.0


def test_amid_movement_the_one_cut_is_found_at_once() -> None:
    #   frames   ╷x╷x╷x╷x╷x╷x╷x╷x╷        each sampled frame differs; all frames of the span are looked at together
    shots = Shots(cuts=[8.5], movement=np.arange(0.2, 40, 0.2).round(1).tolist())
    assert aligned(draft(9.4, 25.0), shots).start_seconds == 8.5
    assert len(shots.asked) <= 3  # and once more for something nearer, and once for the end


def test_of_several_cuts_amid_movement_the_nearest_is_taken_though_others_are_stronger() -> None:
    shots = Shots(cuts=[8.1, 10.3, 8.9], movement=np.arange(0.2, 40, 0.2).round(1).tolist())
    assert aligned(draft(9.4, 25.0), shots).start_seconds == 8.9


def test_frames_are_decoded_a_few_times_for_a_boundary_and_no_more() -> None:
    shots = Shots(cuts=(), movement=np.arange(0.1, 40, 0.4).round(1).tolist())
    assert aligned(draft(9.4, 20.6), shots, max_shift_seconds=10) == draft(9.4, 20.6)
    assert len(shots.asked) == 2 * MOST_TRIED


def test_the_peak_is_never_cut_off() -> None:
    assert aligned(draft(15.0, 25.0), Shots(cuts=[15.8]), max_shift_seconds=5).start_seconds == 15.0
    assert aligned(draft(10.0, 17.0), Shots(cuts=[16.2]), max_shift_seconds=5).end_seconds == 17.0


def test_a_clip_gets_no_shorter_than_is_allowed() -> None:
    shots = Shots(cuts=[15.0, 17.5])
    assert (aligned(draft(14.6, 17.8), shots).start_seconds, aligned(draft(14.6, 17.8), shots).end_seconds) == (15.0, 17.5)
    done = aligned(draft(14.6, 17.8), shots, min_clip_seconds=2.8)
    assert (done.start_seconds, done.end_seconds) == (15.0, 17.8)


def test_it_does_not_reach_beyond_what_there_is() -> None:
    done = aligned(draft(9.4, 20.6), Shots(cuts=[9.0, 21.0], bounds=(9.2, 20.8)))
    assert (done.start_seconds, done.end_seconds) == (9.4, 20.6)


seconds = st.floats(0, 40, allow_nan=False)


@given(
    cuts=st.lists(st.floats(0.3, 39.7), max_size=12, unique_by=lambda at: int(at * 5)),
    movement=st.lists(st.floats(0.3, 39.7), max_size=12),
    edges=st.tuples(seconds, seconds),
    peak=seconds,
    reach=st.floats(0, 10),
    shortest=st.floats(0.1, 20),
)
def test_whatever_the_stream_looks_like_it_keeps_within_its_bounds(
    cuts: list[float], movement: list[float], edges: tuple[float, float], peak: float, reach: float, shortest: float
) -> None:
    start, end = sorted(edges)
    assume(end - start > 0.01)
    shots = Shots(cuts=cuts, movement=movement)
    clip = draft(start, end, peak)
    done = aligned(clip, shots, max_shift_seconds=reach, min_clip_seconds=shortest)
    assert abs(done.start_seconds - start) <= reach + 1e-9
    assert abs(done.end_seconds - end) <= reach + 1e-9
    for was, now in ((start, done.start_seconds), (end, done.end_seconds)):
        assert now == was or now in cuts
    if done.start_seconds != start:
        assert done.start_seconds <= peak - AROUND_PEAK_SECONDS
    if done.end_seconds != end:
        assert done.end_seconds >= peak + AROUND_PEAK_SECONDS
    assert done.duration_seconds >= min(shortest, clip.duration_seconds) - 1e-9
    assert len(done.notes) == (done.start_seconds != start) + (done.end_seconds != end)
    assert done.highlight is clip.highlight
    assert done.keep


@given(
    cuts=st.lists(st.floats(0.3, 39.7), max_size=12, unique_by=lambda at: int(at * 5)), less=st.floats(0, 5), more=st.floats(0, 5)
)
def test_who_may_go_further_finds_a_cut_wherever_the_other_did(cuts: list[float], less: float, more: float) -> None:
    clip = draft(12.0, 20.0)
    near = aligned(clip, Shots(cuts=cuts), max_shift_seconds=less)
    far = aligned(clip, Shots(cuts=cuts), max_shift_seconds=less + more)
    if near.start_seconds != 12.0:
        assert far.start_seconds != 12.0
