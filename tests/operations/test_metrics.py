"""What Prometheus is told: read back by its own parser, and looked over by promtool."""

import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from stream_processor.errors import LOSS_REASONS
from stream_processor.operations.counting import follow
from stream_processor.operations.metrics import ClipCollector, Exposition, Noted, SinkCounts
from stream_processor.status import CLIP_OUTCOMES, STATES, ChannelStatus
from tests.statuses import live

Sample = tuple[str, frozenset[tuple[str, str]]]

SINKS = (
    SinkCounts("jsonl", True, 0, 7, 0, 0, 0),
    SinkCounts("mqtt", False, waiting=3, delivered=4, failures=12, expired=2, news_dropped=5, oldest_at=900.0),
)


def exposition(*channels: ChannelStatus, noted: Noted = Noted(SINKS, 6, 5_000_000, 4096)) -> Exposition:  # noqa: B008 # frozen
    return Exposition(ClipCollector(list(channels), lambda: noted, lambda name: name == "summit1g", now=lambda: 1000.0))


def samples(text: bytes) -> dict[Sample, float]:
    families = text_string_to_metric_families(text.decode())
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def value(text: bytes, name: str, **labels: str) -> float:
    return samples(text)[f"clip_highlights_{name}", frozenset(labels.items())]


def test_a_channel_is_told_in_base_units() -> None:
    status = live()
    status.outcomes["written"], status.outcomes["lost_disk"] = 1, 1
    status.reconnects_by_reason = {"stalled": 2}
    status.scoring_seconds = {"motion": 1.5}
    status.frames, status.scored = 100, 20
    text = exposition(status).text()
    channel = {"channel": "summit1g"}
    assert value(text, "ring_bytes", **channel) == 66e6
    assert value(text, "ring_seconds", **channel) == 90
    assert value(text, "lag_seconds", **channel) == 1.3
    assert value(text, "stream_seconds_total", **channel) == 660
    assert value(text, "frames_total", **channel) == 100
    assert value(text, "frames_dropped_total", **channel) == 12
    assert value(text, "panes_scored_total", **channel) == 20
    assert value(text, "highlights_total", **channel) == 2
    assert value(text, "clips_total", outcome="written", **channel) == 1
    assert value(text, "clips_total", outcome="lost_disk", **channel) == 1
    assert value(text, "reconnects_total", reason="stalled", **channel) == 2
    assert value(text, "reconnects_total", reason="reset", **channel) == 0  # there from the start: rates need that
    assert value(text, "scoring_seconds_total", signal="motion", **channel) == 1.5
    assert value(text, "channel_state", state="live", **channel) == 1
    assert value(text, "channel_state", state="waiting", **channel) == 0
    assert value(text, "channel_ready", **channel) == 1


def test_sinks_disk_and_process_are_told() -> None:
    text = exposition(live()).text()
    assert value(text, "outbox_alerts", sink="mqtt") == 3
    assert value(text, "outbox_oldest_seconds", sink="mqtt") == 100
    assert value(text, "outbox_oldest_seconds", sink="jsonl") == 0
    assert value(text, "alerts_delivered_total", sink="jsonl") == 7
    assert value(text, "alerts_expired_total", sink="mqtt") == 2
    assert value(text, "sink_failures_total", sink="mqtt") == 12
    assert value(text, "news_dropped_total", sink="mqtt") == 5
    assert value(text, "sink_connected", sink="mqtt") == 0
    assert value(text, "output_free_bytes") == 5_000_000
    assert value(text, "journal_bytes") == 4096
    assert value(text, "clips_removed_total") == 6
    names = {name for name, _ in samples(text)}
    assert "clip_highlights_build_info" in names


def test_what_is_not_known_is_left_out() -> None:
    names = {name for name, _ in samples(exposition(live(), noted=Noted()).text())}
    assert "clip_highlights_output_free_bytes" not in names


def test_an_alert_from_the_future_is_not_younger_than_now() -> None:
    ahead = Noted((SINKS[1]._replace(oldest_at=5000.0),))  # the clock was set back
    assert value(exposition(live(), noted=ahead).text(), "outbox_oldest_seconds", sink="mqtt") == 0


def test_labels_are_few_and_hold_no_secrets() -> None:
    status = live()
    status.detail = status.source = "rtmp://host/app/SECRETKEY"
    status.channel = 'a"b\\c'  # names come out of this tidier; the text stays valid even so
    text = exposition(status).text()
    assert b"SECRETKEY" not in text
    known = {"channel": {'a"b\\c'}, "outcome": set(CLIP_OUTCOMES), "reason": set(LOSS_REASONS), "state": set(STATES)}
    for name, labels in samples(text):
        for label, what in labels:
            assert what in known.get(label, {what}), name


def test_nothing_counted_ever_goes_down_however_broadcasts_follow_while_it_is_read() -> None:
    """
    ::

        broadcast   1 ─────┐ 2 ─────┐ 3 ──   each status begins at 0
        read        ▲ ▲ ▲ ▲ ▲ ▲ ▲ ▲ ▲ ▲ ▲   from another thread, all the time
    """
    channels = [ChannelStatus("one", "x", started_at=0.0)]
    exposed = Exposition(ClipCollector(channels, Noted, lambda _: True))
    stop = threading.Event()

    def broadcast() -> None:
        while not stop.is_set():
            for _ in range(50):
                channels[0].windows += 1
                channels[0].outcomes["written"] += 1
                channels[0].reconnects_by_reason = {"reset": channels[0].windows}
                channels[0].scorers[f"signal {channels[0].windows}"] = "x"
            following = ChannelStatus("one", "x", started_at=0.0)
            follow(following, channels[0])
            channels[0] = following

    thread = threading.Thread(target=broadcast)
    thread.start()
    try:
        before: dict[Sample, float] = {}
        for _ in range(25):
            now = {sample: number for sample, number in samples(exposed.text()).items() if sample[0].endswith("_total")}
            went_down = {sample for sample, number in before.items() if now[sample] < number and "process" not in sample[0]}
            assert not went_down
            before = now
    finally:
        stop.set()
        thread.join()


def test_promtool_finds_nothing_to_improve(need_program: Callable[..., Path]) -> None:
    status = live()
    status.scoring_seconds, status.scorer_errors = {"motion": 1.5}, {"motion": 1}
    command = [need_program("promtool"), "check", "metrics"]
    done = subprocess.run(command, input=exposition(status).text(), capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("channels", [256])
def test_as_many_channels_as_there_may_be_are_told_in_bounded_text(channels: int) -> None:
    statuses = [ChannelStatus(f"channel-{number}", "x", started_at=time.monotonic()) for number in range(channels)]
    assert len(exposition(*statuses).text()) < 2_000_000
