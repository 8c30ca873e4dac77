"""Delays, from when each packet left and each event came."""

from pathlib import Path

import pytest

from benchmarks.latency import alert_delays, clip_delays, start_delays
from benchmarks.publisher import Sent, read_log

SENT = [Sent(kind, number / 10, 100 + number / 10) for number in range(400) for kind in ("video", "audio")]
"""Stream second s leaves at 100 + s."""


def told(type: str, at: float, **fields: object) -> dict[str, object]:
    highlight = {"windows": [{"start_time": 6.0, "end_time": 11.0}], "start_time": 7.0, "end_time": 10.0, "filename": None}
    return {"type": type, "at": at, "highlight": {**highlight, **fields}}


def test_an_alert_is_late_from_the_last_packet_of_the_look_ahead_after_its_window() -> None:
    #  stream   6 ─── window ─── 11 ──── look-ahead of two hops ──── 17
    #  clock                                                        116.9  alert at 117.2
    (delay,) = alert_delays([told("new", 117.2)], SENT)
    assert delay == pytest.approx(117.2 - 116.9)
    (since_start,) = start_delays([told("new", 117.2)], SENT)
    assert since_start == pytest.approx(117.2 - 106.9)


def test_a_clip_is_late_from_its_own_last_packet_and_from_when_it_is_known_to_be_over() -> None:
    #  stream   highlight ends 10, post-roll to 12; closed by the window that ends at 14, look-ahead to 20
    end = told("end", 121.0, filename="clip.mp4")
    ((after_packet, after_decision),) = clip_delays([end], {"clip.mp4": 120.5}, SENT)
    assert after_packet == pytest.approx(120.5 - 111.9)
    assert after_decision == pytest.approx(120.5 - 119.9)


def test_what_only_the_streams_end_decided_does_not_count() -> None:
    late = told("end", 150.0, filename="clip.mp4", windows=[{"start_time": 30.0, "end_time": 35.0}])
    assert clip_delays([late], {"clip.mp4": 150.0}, SENT) == []
    assert clip_delays([told("end", 121.0)], {}, SENT) == [], "no clip was written"


def test_the_log_of_the_publisher_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "sent.log"
    path.write_text("video 0.000000 12.500000\naudio 0.023220 12.510000\n")
    assert read_log(path) == [Sent("video", 0.0, 12.5), Sent("audio", 0.02322, 12.51)]
