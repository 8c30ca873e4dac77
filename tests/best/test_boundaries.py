"""Clips of recordings are finished by the steps that live ones are; their lengths stay within bounds."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.best.boundaries import TapeEvidence, finish
from stream_processor.best.choosing import planned
from stream_processor.best.records import Chosen, Moment, Selection, Stretch
from stream_processor.best.settings import BestSettings
from stream_processor.best.tape import Tape
from stream_processor.finishing.contract import Evidence, Step
from stream_processor.finishing.draft import Draft
from stream_processor.finishing.scene import SceneAlignment
from stream_processor.finishing.settings import SceneSettings
from stream_processor.records import Samples
from tests.best.tapes import tape

BEST = BestSettings()


class Move:
    """Moves both ends by so much."""

    name = "move"
    before_seconds = after_seconds = 10.0

    def __init__(self, start_seconds: float = 0.0, end_seconds: float = 0.0) -> None:
        self._by = start_seconds, end_seconds

    def finish(self, draft: Draft, evidence: Evidence) -> Draft:
        start, end = draft.start_seconds + self._by[0], draft.end_seconds + self._by[1]
        return draft.moved(self.name, "moved", start_seconds=start, end_seconds=end)


class Breaks(Move):
    def finish(self, draft: Draft, evidence: Evidence) -> Draft:
        raise RuntimeError("it broke")


def selection(*peaks: float) -> Selection:
    moments = [Moment(0, 0, peak, 0, 0.5, {}) for peak in peaks]
    chosen = [Chosen(rank, one, *planned(one.peak_seconds, (0.0, 60.0), BEST)) for rank, one in enumerate(moments, 1)]
    return Selection((), chosen, (), np.empty((0, 0)), {})


def finished(steps: Sequence[Step], *peaks: float, one: Tape | None = None) -> list[Chosen]:
    one = one or tape({"sharpness": [0.5] * 300})
    return list(finish(selection(*peaks), [one], steps, BEST, lambda tape, before, after: after).chosen)


def span(chosen: Chosen) -> tuple[float, float]:
    return chosen.start_seconds, chosen.end_seconds


def test_without_steps_clips_are_as_planned() -> None:
    assert [span(one) for one in finished([], 20, 40)] == [(19, 22), (39, 42)]


def test_a_clip_that_a_step_made_too_short_is_made_longer_at_the_other_end() -> None:
    """
    ::

        planned     19 ├──────────┤ 22
        step            19.5 ├────┤ 22       its start moved to a cut
        finished        19.5 ├──────┤ 22.5
    """
    (later,) = finished([Move(0.5)], 20)
    assert span(later) == (19.5, 22.5)
    assert later.notes == (("move", "moved"), ("length", "end moved 0.50 s later to keep the length"))
    (earlier,) = finished([Move(0, -0.5)], 20)
    assert span(earlier) == (18.5, 21.5)


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (Move(0.5, -0.5), "2.0 s long, less than best.min_seconds = 3"),
        (Move(-3, 3), "9.0 s long, more than best.max_seconds = 7"),
        (Move(1.5, 2.0), "without its peak"),
    ],
)
def test_what_makes_no_clip_is_not_taken(step: Move, reason: str) -> None:
    (one,) = finished([step], 20)
    assert span(one) == (19, 22)
    assert one.notes == (("move", f"not moved for move: it would be {reason}"),)


def test_a_clip_stays_in_its_video_and_out_of_the_next_clip() -> None:
    (first, second) = finished([Move(0, 3)], 20, 25)
    assert span(first) == (19, 22)
    assert span(second) == (24, 30)
    (last,) = finished([Move(-2, 2)], 59)
    assert span(last) == (57, 60)


def test_a_step_that_fails_costs_its_step_and_no_clip() -> None:
    (one,) = finished([Breaks(), Move(-1)], 20)
    assert span(one) == (18, 22)
    assert one.notes == (("move", "failed: the clip stays as it was"), ("move", "moved"))


def test_a_start_moves_to_a_cut_and_to_the_very_frame_of_it() -> None:
    """The scene observer's strengths, one per sampled frame: a cut between 19.2 and 19.4 s. ``first_frame`` places it."""
    times = np.arange(300) / 5
    one = tape({"sharpness": [0.5] * 300})
    one.signals["scene"] = Samples(times, np.where(np.isclose(times, 19.4), 3.0, 0.0))  # type: ignore[index]
    steps = [SceneAlignment(SceneSettings())]
    asked: list[tuple[float, float]] = []

    def first_frame(tape: Tape, before: float, after: float) -> float | None:
        asked.append((before, after))
        return 19.24 if before < 19.24 <= after else None

    (found,) = finish(selection(20), [one], steps, BEST, first_frame).chosen
    assert found.start_seconds == 19.24
    assert found.end_seconds - found.start_seconds >= 3 - 1e-9
    assert asked[0] == (pytest.approx(19.2), pytest.approx(19.4))


def test_evidence_has_what_was_measured_between_two_times_and_empty_traces_where_nothing_was() -> None:
    evidence = TapeEvidence(tape({"speech": [0.0, 1.0, 0.5]}), (0.0, 1.0), lambda tape, before, after: None)
    assert evidence.trace("speech", 0.2, 0.4).values.tolist() == [1.0]
    assert evidence.trace("scene", 0.0, 9.0).times.tolist() == []
    assert list(evidence.windows(0.0, 9.0)) == []


@given(
    st.lists(st.floats(0, 60), min_size=1, max_size=4, unique=True),
    st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), max_size=4),
)
def test_whatever_steps_do_a_clip_has_its_peak_and_its_length_and_lies_in_its_video(
    peaks: list[float], moves: list[tuple[float, float]]
) -> None:
    class Careful(Move):
        def finish(self, draft: Draft, evidence: Evidence) -> Draft:
            start, end = draft.start_seconds + self._by[0], draft.end_seconds + self._by[1]
            return super().finish(draft, evidence) if start < end else draft

    one = tape({"sharpness": [0.5] * 300}, stretches=[Stretch(0.0, 60.0, 0.0)])
    for chosen in finished([Careful(*move) for move in moves], *peaks, one=one):
        assert 0 <= chosen.start_seconds <= chosen.moment.peak_seconds <= chosen.end_seconds <= 60
        assert 3 - 1e-5 <= chosen.end_seconds - chosen.start_seconds <= 7 + 1e-5
