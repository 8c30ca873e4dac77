"""What is said at the end of a run."""

import pytest

from stream_processor.records import ScoredWindow, Window
from stream_processor.screen.summary import Planted, clock, summarise, totals, why_nothing
from stream_processor.status import ChannelStatus, HighlightRow


def status(**changes: object) -> ChannelStatus:
    """Ten minutes of a channel, watched in two."""
    known = ChannelStatus("streamer", "rtmp://localhost/live", started_at=1000.0)
    values = {"stream_seconds": 600.0, "panes": 600, "windows": 199, "epochs": 1, "scorers": {"motion": "farneback"}, **changes}
    for name, value in values.items():
        setattr(known, name, value)
    return known


def row(start_seconds: float, end_seconds: float, clip: str = "a.mp4") -> HighlightRow:
    return HighlightRow(str(start_seconds), start_seconds, end_seconds, 3.0, "motion +3.1", clip, written=True)


def best(**deviations: float) -> ScoredWindow:
    window = Window(0, 7, 21.0, 26.0, {"motion": 0.5}, (21, 26))
    return ScoredWindow(window, 0.4, deviations, score=0.42, threshold=1.5)


def summary(known: ChannelStatus, *, nearest: ScoredWindow | None = None, planted: list[Planted] | None = None) -> list[str]:
    return summarise(known, now=1120.0, folder="clips/streamer", best=nearest, planted=planted or [])


def test_a_run_with_highlights_says_what_was_seen_scored_found_and_written() -> None:
    known = status(highlights_opened=2, clips_written=1, scorers={"motion": "farneback", "novelty": "light"})
    known.highlights.extend([row(63.9, 75.0), row(3723.0, 3735.0, clip="no clip: disk full")])
    assert summary(known) == [
        "watched 10:00 of streamer in 2:00 (5.0x real time)",
        "scored 199 windows for motion (farneback), novelty (light)",
        "found 2 highlights, wrote 1 clip to clips/streamer",
        "  1:03–1:15  motion +3.1  a.mp4",
        "  1:02:03–1:02:15  motion +3.1  no clip: disk full",
    ]


def test_where_nothing_came_there_is_no_word_of_scores() -> None:
    lines = summary(status(epochs=0, windows=0, scorers={}))
    assert not any(line.startswith("scored") for line in lines)
    assert lines[-1] == "nothing found: nothing came from the stream"


def test_a_stream_in_parts_is_said_to_be() -> None:
    assert "scored 199 windows in 3 parts for motion (farneback)" in summary(status(epochs=3))


def test_a_run_without_highlights_says_why() -> None:
    (line,) = [line for line in summary(status(), nearest=best(motion=2.1)) if "nothing found" in line]
    assert line == (
        "nothing found: no moment stood out enough; the liveliest window, 0:21–0:26, scored 0.42 where 1.50 was needed "
        "(peaks.min_rise, peaks.percentile)"
    )


@pytest.mark.parametrize(
    ("known", "nearest", "reason"),
    [
        (status(panes=0), None, "no second of the stream could be scored"),
        (status(), None, "the stream was too short for one window"),
        (status(), best(motion=0.2, loudness=-0.4), "the stream is flat; the liveliest window"),
        (status(), best(), "the stream is flat; the liveliest window"),
        (status(), best(motion=0.2, loudness=-0.5), "no moment stood out enough; the liveliest window"),
    ],
)
def test_nothing_was_found_for_a_reason(known: ChannelStatus, nearest: ScoredWindow | None, reason: str) -> None:
    assert why_nothing(known, nearest).startswith(reason)


def test_what_finishing_did_not_keep_is_no_loss() -> None:
    lines = summary(status(highlights_opened=3, clips_written=2, clips_not_kept=1, step_failures={"scene": 2}))
    assert any(line.startswith("found 3 highlights, wrote 2 clips to ") and line.endswith(", 1 not kept") for line in lines)
    assert "2 clips had to do without scene, the log says why" in lines
    assert not any("could not be written" in line for line in lines)


def test_what_was_lost_is_not_kept_quiet() -> None:
    lost = summary(status(frames_dropped=12, packets_dropped=3, clips_lost=4, outbox_waiting=2, highlights_opened=1))[-4:]
    assert lost == [
        "analysis was behind: 12 packets were kept for clips but not analysed",
        "the packet ring was too small: 3 packets were gone before they were written (ring.max_mb)",
        "4 clips could not be written",
        "not delivered yet: 2 alerts; the next run does it",
    ]
    assert len(summary(status(highlights_opened=1))) == 3  # and where nothing was, nothing is said


def test_what_went_wrong_on_the_way_is_said_with_its_reasons() -> None:
    known = status(
        highlights_opened=1,
        decode_errors=1,
        scorer_errors={"motion": 2},
        reconnects=3,
        reconnects_by_reason={"stalled": 2, "reset": 1, "dns": 0},
        alerts_expired=4,
    )
    assert summary(known)[-4:] == [
        "1 packet could not be decoded",
        "motion failed on 2 panes, the log says why",
        "the stream broke off 3 times (stalled 2, reset 1)",
        "never delivered: 4 alerts older than outbox.max_days",
    ]
    assert totals([known, status()])[-1] == "never delivered: 4 alerts older than outbox.max_days"  # one outbox


def test_all_channels_come_to_a_line() -> None:
    channels = [status(highlights_opened=2, clips_written=1, outbox_waiting=2), status(highlights_opened=1, outbox_waiting=2)]
    assert totals(channels) == [
        "2 channels: watched 20:00 of stream, found 3 highlights, wrote 1 clip",
        "not delivered yet: 2 alerts; the next run does it",  # one outbox
    ]
    assert summarise(channels[0], now=1120.0, folder="clips", best=None, among_others=True)[-1].startswith("found 2 highlights")


def test_what_was_lost_is_in_that_line_too() -> None:
    channels = [status(frames_dropped=12, clips_lost=1), status(packets_dropped=3, frames_dropped=1), status(state="failed")]
    (line,) = totals(channels)
    assert line.startswith("3 channels (1 failed): watched 30:00 of stream, found 0 highlights, wrote 0 clips, ")
    assert line.endswith("13 packets not analysed, 3 packets gone before they were written, clips that could not be written: 1")


def test_what_was_planted_is_set_against_what_was_found() -> None:
    #  planted  20──30          100──110     200──210
    #  found       28──45 (and 29──32)    110──120
    known = status(highlights_opened=3, clips_written=3)
    known.highlights.extend([row(28, 45), row(29, 32), row(110, 120)])
    planted = [Planted(20, 30, "a race"), Planted(100, 110, "a goal"), Planted(200, 210, "a fall")]
    assert summary(known, planted=planted)[-5:] == [
        "planted           found",
        " 0:20–0:30   0:28–0:45, 0:29–0:32 a race",
        " 1:40–1:50   missed           a goal",  # what only touches it has not found it
        " 3:20–3:30   missed           a fall",
        "1 of 3 planted bursts found, 1 false",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.99, "0:59"), (60, "1:00"), (3599, "59:59"), (3600, "1:00:00"), (90_061, "25:01:01")]
)
def test_times_are_told_as_players_tell_them(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_what_showed_a_waiting_screen_is_said() -> None:
    lines = summary(status(standby_seconds=119.0), nearest=best(motion=2.1))
    assert "1:59 showed a waiting screen, where nothing is a highlight (nuisance.kind)" in lines
    assert not any("waiting screen" in line for line in summary(status(), nearest=best(motion=2.1)))


def test_where_there_was_nothing_else_that_is_why() -> None:
    assert why_nothing(status(standby_seconds=119.0), None) == "nothing but a waiting screen was shown"
