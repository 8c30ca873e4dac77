"""A journaled run as a page's plain values."""

import math
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stream_processor.finishing.draft import Draft
from stream_processor.journaling.rows import Run, SavedHighlight, State
from stream_processor.records import Clip, Highlight, ScoredWindow, Window
from stream_processor.reporting.from_run import page_of_run
from stream_processor.reporting.page import Moment, Page

AT = datetime(2026, 11, 20, 20, 15, tzinfo=UTC)
RUN = Run("r", "x", "demo", AT, None, {}, (), {"motion": "farneback", "loudness": "rms"})
HIGHLIGHT = Highlight("r-0-1", 0, 10.0, 20.0, 15.0, 0.9, math.nan, {"motion": 0.1, "novelty": math.nan}, {"motion": 1.0})
CLIP = Clip("first.mp4", 9.0, 12.5, "h264", 640, 360, 30.0, "aac", "copy", None)


def window(number: int, *, epoch: int = 0, nuisance: float = 0.0) -> ScoredWindow:
    """Five seconds every three."""
    shown = Window(epoch, number, 3.0 * number, 3.0 * number + 5, {}, (3 * number, 3 * number + 5), nuisance=nuisance)
    return ScoredWindow(shown, 0.1 * number, {}, score=0.1 * number, threshold=0.5)


def page(folder: Path, *windows: ScoredWindow, saved: SavedHighlight | None = None, run: Run = RUN) -> Page:
    return page_of_run(run, windows, [] if saved is None else [saved], folder=folder, ways=[])


def moment(folder: Path, state: State, clip: Clip | None = None, reason: str | None = None, draft: Draft | None = None) -> Moment:
    (made,) = page(folder, saved=SavedHighlight("r", "x", state, HIGHLIGHT, clip, reason, draft)).curves[0].moments
    return made


def test_waiting_screens_that_overlap_are_one_stretch(tmp_path: Path) -> None:
    #  windows   0-5  3-8  6-11  9-14  …  30-35        a screen from the second to the fourth, and in the last
    windows = [window(n, nuisance=1.0 if n in (1, 2, 3, 10) else 0.4) for n in range(11)]
    assert page(tmp_path, *windows).curves[0].closed == [(3.0, 14.0), (30.0, 35.0)]


def test_the_curve_is_torn_between_epochs(tmp_path: Path) -> None:
    (curve,) = page(tmp_path, window(0), window(1), window(5, epoch=1)).curves
    assert [[point.seconds for point in piece] for piece in curve.pieces] == [[2.5, 5.5], [17.5]]
    assert curve.duration_seconds == 20.0


def test_a_highlight_after_the_last_stored_score_is_still_within_the_curve(tmp_path: Path) -> None:
    saved = SavedHighlight("r", "x", "open", HIGHLIGHT, None, None)
    assert page(tmp_path, window(0), saved=saved).curves[0].duration_seconds == 20.0


@pytest.mark.parametrize(
    ("state", "clip", "reason", "words"),
    [
        ("open", None, None, "still open"),
        ("closing", None, None, "being cut"),
        ("done", None, "the disk was full", "no clip: the disk was full"),
        ("done", None, None, "no clip: the run does not say why"),
        ("done", CLIP, None, "clip of 12.5 s, 640 × 360: first.mp4 is not there any more"),
    ],
)
def test_it_is_said_what_became_of_a_highlight(
    state: State, clip: Clip | None, reason: str | None, words: str, tmp_path: Path
) -> None:
    made = moment(tmp_path, state, clip, reason)
    assert made.clip == words
    assert made.is_kept is (clip is not None)
    assert made.film is None


def test_the_journal_s_own_notes_are_told_without_the_sidecar(tmp_path: Path) -> None:
    draft = Draft(HIGHLIGHT, 9.0, 21.0).noted("scene", "looked around").dropped("ranking", "four were better")
    assert moment(tmp_path, "done", draft=draft).notes == [("scene", "looked around"), ("ranking", "four were better")]


def test_what_was_not_measured_is_not_shown_as_a_number(tmp_path: Path) -> None:
    made = moment(tmp_path, "done")
    assert made.threshold is None
    assert made.signals == {"motion": (0.1, 1.0)}


def test_a_run_without_an_end_is_not_said_to_have_ended(tmp_path: Path) -> None:
    facts = dict(page(tmp_path).facts)
    assert facts["began"] == "2026-11-20 20:15 UTC"
    assert facts["ended"] == "still running, or cut off"
    assert facts["measured by"] == "motion: farneback, loudness: rms"
