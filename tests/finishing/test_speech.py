"""The speech step: boundaries leave words, never go far, never come near the peak, and stay where they are right."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.finishing.contract import Evidence, Step
from stream_processor.finishing.draft import Draft
from stream_processor.finishing.pauses import CHUNK_SECONDS, HYSTERESIS
from stream_processor.finishing.settings import SpeechSettings
from stream_processor.finishing.speech import AIR_SECONDS, PEAK_SECONDS, SpeechAlignment
from stream_processor.records import Samples
from tests.finishing.recorded import Recorded, draft, spoken
from tests.scorers.sounds import heard as heard_by
from tests.scorers.sounds import read_wave

TENTH = 0.1


def heard(line: str, *, start_seconds: float = 0.0, bounds: tuple[float, float] = (0.0, 1000.0)) -> Recorded:
    """A tenth of a second for each character."""
    trace = spoken("".join(character * 3 for character in line), chunk_seconds=TENTH / 3, start_seconds=start_seconds)
    return Recorded({"speech": trace}, bounds)


def finished(clip: Draft, evidence: Evidence, **settings: float) -> Draft:
    return SpeechAlignment(SpeechSettings(**settings)).finish(clip, evidence)  # type: ignore[arg-type]


def test_it_is_a_step_that_asks_for_the_speech_observer() -> None:
    step = SpeechAlignment(SpeechSettings(max_shift_seconds=2, min_pause_seconds=0.3))
    assert isinstance(step, Step)
    assert step.observers == ("speech",)
    assert step.before_seconds == step.after_seconds == pytest.approx(2.3, abs=0.05)
    assert isinstance(heard("."), Evidence)


def test_the_start_moves_back_to_before_the_word_and_leaves_some_air() -> None:
    #                     0         10        20        30        40        50
    evidence = heard("..........#######################.........................")
    clip = finished(draft(2.0, 5.0), evidence)
    assert clip.start_seconds == pytest.approx(1.0 - AIR_SECONDS, abs=0.05)
    assert clip.end_seconds == 5.0
    assert [note.reason for note in clip.notes] == ["start moved 1.18 s earlier, out of speech into a pause"]
    assert clip.notes[0].moved == ("start",)


def test_the_end_moves_on_to_after_the_word_and_leaves_some_air() -> None:
    #                     0         10        20        30        40        50
    evidence = heard("..............................##################.........")
    clip = finished(draft(1.0, 4.0), evidence)
    assert clip.end_seconds == pytest.approx(4.8 + AIR_SECONDS, abs=0.05)
    assert [note.reason for note in clip.notes] == ["end moved 0.98 s later, out of speech into a pause"]


def test_where_the_sentence_begins_too_far_back_the_start_moves_on_to_the_next_pause() -> None:
    #                     0         10        20        30        40        50
    evidence = heard("##############################........................")
    clip = finished(draft(2.5, 5.0, peak_seconds=4.5), evidence)
    assert clip.start_seconds == pytest.approx(3.0 + AIR_SECONDS, abs=0.05)


def test_both_at_once_are_one_note() -> None:
    evidence = heard("..........##########..........##########..........")
    clip = finished(draft(1.5, 3.5), evidence)
    assert len(clip.notes) == 1
    assert clip.notes[0].moved == ("start", "end")
    assert "start moved 0.68 s earlier" in clip.notes[0].reason
    assert "end moved 0.68 s later" in clip.notes[0].reason


def test_without_a_pause_in_reach_it_stays_and_says_so() -> None:
    clip = finished(draft(10.0, 15.0), heard("#" * 300))
    assert (clip.start_seconds, clip.end_seconds) == (10.0, 15.0)
    reason = "start stays within speech: no pause within 1.5 s; end stays within speech: no pause within 1.5 s"
    assert [(note.reason, note.moved) for note in clip.notes] == [(reason, ())]


@pytest.mark.parametrize(
    "line",
    [
        "." * 60,  # nobody speaks
        "~" * 60,  # a noise that might have been a voice
        "........................####.....................................",  # they speak in the middle
    ],
)
def test_a_boundary_that_cuts_no_word_is_left_alone_without_a_word(line: str) -> None:
    clip = draft(1.0, 5.0)
    assert finished(clip, heard(line)) is clip


def test_without_sound_or_observer_nothing_is_done() -> None:
    clip = draft(1.0, 5.0)
    assert finished(clip, Recorded()) is clip
    assert finished(clip, Recorded({"speech": Samples.none()})) is clip


def test_a_reach_of_nothing_switches_it_off() -> None:
    clip = draft(10.0, 15.0)
    assert finished(clip, heard("#" * 300), max_shift_seconds=0) is clip


def test_a_boundary_on_a_cut_stays_in_a_gap_that_is_no_pause() -> None:
    #          0         10        20        30
    line = "..........#########.##########............................."
    on_a_cut = draft(2.2, 5.0).moved("scene", "start moved 0.25 s earlier, to a cut", start_seconds=1.95)
    assert finished(on_a_cut, heard(line), min_pause_seconds=0.2) is on_a_cut
    assert finished(draft(1.95, 5.0), heard(line), min_pause_seconds=0.2).start_seconds < 1.0  # any other goes to a pause


def test_a_boundary_on_a_cut_leaves_it_where_a_word_would_be_cut() -> None:
    line = "..........####################............................."
    on_a_cut = draft(2.2, 5.0).moved("scene", "start moved 0.25 s earlier, to a cut", start_seconds=1.95)
    assert finished(on_a_cut, heard(line)).start_seconds < 1.0


def test_what_may_be_music_takes_no_boundary_off_its_cut() -> None:
    line = "..........####################............................."
    trace = heard(line).traces["speech"]
    unsure = Recorded({"speech": Samples(trace.times, np.minimum(trace.values, 0.8))}, (0.0, 1000.0))
    on_a_cut = draft(2.2, 5.0).moved("scene", "start moved 0.25 s earlier, to a cut", start_seconds=1.95)
    assert finished(on_a_cut, unsure) is on_a_cut
    assert finished(draft(1.95, 5.0), unsure).start_seconds < 1.0  # from where no cut is, it moves all the same


def test_a_boundary_that_another_step_moved_since_is_on_no_cut() -> None:
    line = "..........#########.##########............................."
    moved = draft(2.2, 5.0).moved("scene", "to a cut", start_seconds=2.0).moved("context", "back", start_seconds=1.95)
    assert finished(moved, heard(line), min_pause_seconds=0.2).start_seconds < 1.0


def test_the_clip_reaches_no_further_than_there_are_packets() -> None:
    evidence = heard("..........####################............................", bounds=(0.95, 100))
    assert finished(draft(1.5, 5.0), evidence).start_seconds == 0.95
    evidence = heard("..........####################............................", bounds=(1.2, 100))
    assert finished(draft(2.0, 5.0, peak_seconds=4.5), evidence).start_seconds > 3.0


def test_a_pause_right_before_the_peak_is_too_late_to_begin_in_and_one_right_after_it_too_early_to_end_in() -> None:
    #                     0         10        20        30        40        50
    evidence = heard("##############################........###############################")
    assert finished(draft(2.5, 6.0, peak_seconds=3.7), evidence).start_seconds == pytest.approx(3.18, abs=0.05)
    assert finished(draft(2.5, 6.0, peak_seconds=3.4), evidence).start_seconds == 2.5
    assert finished(draft(1.0, 4.2, peak_seconds=3.1), evidence).end_seconds == pytest.approx(3.62, abs=0.05)
    assert finished(draft(1.0, 4.2, peak_seconds=3.4), evidence).end_seconds == 4.2


def test_a_boundary_beside_the_peak_may_still_move_away_from_it_and_no_further_than_it_may() -> None:
    #                     0         10        20        30        40        50
    evidence = heard("..........###########.......................................")
    assert finished(draft(1.5, 5.0, peak_seconds=1.5), evidence).start_seconds == pytest.approx(1.0 - AIR_SECONDS, abs=0.05)
    assert finished(draft(1.5, 5.0, peak_seconds=1.5), evidence, max_shift_seconds=0.4).start_seconds == 1.5


def test_packets_that_are_gone_before_the_clip_begins_do_not_drag_it_along() -> None:
    evidence = heard("..........##########..................................", bounds=(4.0, 100))
    assert finished(draft(1.5, 5.0), evidence).start_seconds == 1.5


# ---- recorded speech -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["silero", "energy"])
def test_moved_boundaries_lie_where_it_is_quiet(kind: str, media: Callable[[str], Path], models: Callable[[str], Path]) -> None:
    from scorers.speech import Speech

    sound, rate = read_wave(media("silero_test_speech.wav"))
    model = models("silero_vad/silero_vad.onnx") if kind == "silero" else None
    observer = Speech(SpeechSettings(kind=kind, model=model))  # type: ignore[arg-type]
    evidence = Recorded({"speech": heard_by(observer, sound, rate)}, bounds=(0.0, 60.0))
    clips = [draft(start_seconds / 2, start_seconds / 2 + 5) for start_seconds in range(110)]
    moved = []
    for clip in clips:
        done = finished(clip, evidence)
        moved += [done.start_seconds] if done.start_seconds != clip.start_seconds else []
        moved += [done.end_seconds] if done.end_seconds != clip.end_seconds else []
    assert len(moved) > 80
    levels = [float(np.sqrt(np.mean(np.square(sound[round(at * rate) - 320 : round(at * rate) + 320])))) for at in moved]
    ordinary = float(np.sqrt(np.mean(np.square(sound))))
    assert np.median(levels) < ordinary / 30
    assert np.quantile(levels, 0.9) < ordinary / 5


# ---- laws ------------------------------------------------------------------------------------------------------------


@st.composite
def talk(draw: st.DrawFn) -> Samples:
    """Words and pauses of any length, with holes and sounds in between, for 20 s."""
    runs = draw(st.lists(st.tuples(st.sampled_from("##..~ "), st.integers(1, 60)), min_size=1, max_size=30))
    line = "".join(character * length for character, length in runs)
    return spoken((line * (625 // len(line) + 1))[:625])


clips = st.tuples(st.floats(1, 18), st.floats(0.6, 12), st.floats(0, 1)).map(
    lambda drawn: draft(drawn[0], drawn[0] + drawn[1], peak_seconds=drawn[0] + drawn[1] * drawn[2])
)
settings_drawn = st.builds(
    SpeechSettings,
    max_shift_seconds=st.floats(0, 4),
    min_pause_seconds=st.floats(0.1, 1),
    threshold=st.floats(0.3, 0.9),
)


@given(trace=talk(), clip=clips, settings=settings_drawn)
def test_no_boundary_moves_further_than_it_may_nor_near_the_peak_nor_out_of_bounds(
    trace: Samples, clip: Draft, settings: SpeechSettings
) -> None:
    done = SpeechAlignment(settings).finish(clip, Recorded({"speech": trace}, bounds=(1.0, 30.0)))
    peak = clip.highlight.peak_seconds
    assert abs(done.start_seconds - clip.start_seconds) <= settings.max_shift_seconds + 1e-9
    assert abs(done.end_seconds - clip.end_seconds) <= settings.max_shift_seconds + 1e-9
    assert done.start_seconds <= max(clip.start_seconds, peak - PEAK_SECONDS)
    assert done.end_seconds >= min(clip.end_seconds, peak + PEAK_SECONDS)
    assert done.start_seconds >= 1.0
    assert done.end_seconds <= max(clip.end_seconds, 30.0)
    assert done.highlight is clip.highlight
    assert done.keep


@given(trace=talk(), clip=clips, settings=settings_drawn)
def test_what_has_moved_cuts_no_word(trace: Samples, clip: Draft, settings: SpeechSettings) -> None:
    done = SpeechAlignment(settings).finish(clip, Recorded({"speech": trace}))
    words = trace.times[trace.values >= settings.threshold - HYSTERESIS]
    for before, after in ((clip.start_seconds, done.start_seconds), (clip.end_seconds, done.end_seconds)):
        if after != before:
            assert not ((words < after) & (after < words + CHUNK_SECONDS)).any()


@given(trace=talk(), clip=clips, settings=settings_drawn)
def test_doing_it_again_changes_nothing(trace: Samples, clip: Draft, settings: SpeechSettings) -> None:
    evidence, step = Recorded({"speech": trace}), SpeechAlignment(settings)
    once = step.finish(clip, evidence)
    twice = step.finish(once, evidence)
    assert (twice.start_seconds, twice.end_seconds) == (once.start_seconds, once.end_seconds)
