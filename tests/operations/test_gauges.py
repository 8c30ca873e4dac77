"""What other threads count comes to be seen in the status."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

from stream_processor.backlog import Backlog
from stream_processor.decode import DecodeCounts
from stream_processor.operations.gauges import gauge
from stream_processor.packets import PacketRing
from stream_processor.settings import RingSettings
from stream_processor.status import ChannelStatus


def look(status: ChannelStatus, **backlog: Any) -> None:
    counts = DecodeCounts(frames=30, skipped=12, sampled=6, errors=2, late=1)
    feed = SimpleNamespace(scored=3, is_held=True, scoring_seconds={"motion": 0.5}, errors={"motion": 1}, restarts={"motion": 2})
    parts: tuple[Any, ...] = (
        SimpleNamespace(newest_seconds=9.0, reconnects=4, reconnects_by_reason=Counter(reset=3, dns=1)),
        PacketRing(RingSettings()),
        SimpleNamespace(**{"dropped": 0, "waits_for_keyframe": False} | backlog),
        SimpleNamespace(counts=counts, feed=feed),
        SimpleNamespace(statuses={"mqtt": "connected"}, waiting=7, expired=Counter(mqtt=5)),
    )
    gauge(status, *parts)


def test_every_count_has_its_place() -> None:
    status = ChannelStatus("one", "x", started_at=0.0, stream_seconds=7.0)
    look(status, dropped=8, waits_for_keyframe=True)
    assert (status.frames_decoded, status.frames_skipped, status.frames_analysed, status.frames_late) == (30, 12, 6, 1)
    assert (status.decode_errors, status.frames_dropped, status.waits_for_keyframe) == (2, 8, True)
    assert (status.newest_seconds, status.lag_seconds) == (9.0, 2.0)
    assert (status.reconnects, status.reconnects_by_reason) == (4, {"reset": 3, "dns": 1})
    assert (status.scored, status.is_held, status.scoring_seconds) == (3, True, {"motion": 0.5})
    assert (status.scorer_errors, status.scorer_restarts) == ({"motion": 1}, {"motion": 2})
    assert (status.sinks, status.outbox_waiting, status.alerts_expired) == ({"mqtt": "connected"}, 7, 5)


def test_a_backlog_has_what_the_status_is_told_of_it() -> None:
    backlog = Backlog(2.0, lossless=False)
    assert (backlog.dropped, backlog.waits_for_keyframe) == (0, False)
