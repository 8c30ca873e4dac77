"""Channels in the middle of a run, for tests of what shows them."""

from stream_processor.status import ChannelStatus, HighlightRow, Point


def live(name: str = "summit1g") -> ChannelStatus:
    """Watched for eleven minutes, with two highlights, a broker that is away, and some frames dropped."""
    channel = ChannelStatus(name, f"twitch.tv/{name}", started_at=1000.0, state="live", stream_seconds=660.0, lag_seconds=1.3)
    channel.scorers = {"motion": "farneback", "novelty": "light", "loudness": "rms"}
    channel.values = {"motion": 0.213, "novelty": 0.0312}
    channel.deviations = {"motion": 0.94, "novelty": -0.7}
    channel.curve.extend(Point(3.0 * number, 3.0 if 40 < number < 46 else 0.5, 1.5) for number in range(220))
    channel.highlights.append(
        HighlightRow("a", 123, 141, 3.3, "motion +4.1, loudness +2.0", "20261120T201500Z-a.mp4", written=True, opened_at=1130.0)
    )
    channel.highlights.append(HighlightRow("b", 201, 207, 2.2, "loudness +3.0", "not kept: no room", opened_at=1208.0))
    channel.highlights_opened, channel.clips_written = 2, 1
    channel.ring_seconds, channel.ring_mb, channel.ring_max_mb = 90, 66, 256
    channel.sinks = {"mqtt": "waiting (connection refused)"}
    channel.outbox_waiting = 3
    channel.frames_dropped = 12
    return channel
