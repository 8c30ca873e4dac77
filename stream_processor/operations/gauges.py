"""What other threads count, read into a channel's status: in the event loop, a few times a second."""

from stream_processor.backlog import Backlog
from stream_processor.delivering.outbox import Outbox
from stream_processor.intake import Intake
from stream_processor.packets import PacketRing
from stream_processor.status import ChannelStatus
from stream_processor.upstream import Upstream


def gauge(status: ChannelStatus, intake: Intake, ring: PacketRing, backlog: Backlog, upstream: Upstream, outbox: Outbox) -> None:
    held = ring.state()
    status.ring_seconds, status.ring_mb = held.seconds, held.mb
    status.frames, status.newest_seconds = held.pictures, intake.newest_seconds
    status.lag_seconds = max(0.0, intake.newest_seconds - status.stream_seconds)
    status.packets_dropped = held.unread
    status.frames_dropped, status.waits_for_keyframe = backlog.dropped, backlog.waits_for_keyframe
    status.reconnects = intake.reconnects
    status.reconnects_by_reason = {str(reason): count for reason, count in dict(intake.reconnects_by_reason).items()}
    counts = upstream.counts
    status.frames_decoded, status.frames_skipped, status.frames_late = counts.frames, counts.skipped, counts.late
    status.frames_analysed, status.decode_errors = counts.sampled, counts.errors
    if (feed := upstream.feed) is not None:
        status.scored, status.is_held, status.scoring_seconds = feed.scored, feed.is_held, dict(feed.scoring_seconds)
        status.scorer_errors, status.scorer_restarts = dict(feed.errors), dict(feed.restarts)
    status.sinks = dict(outbox.statuses)
    status.outbox_waiting = outbox.waiting
    status.alerts_expired = sum(outbox.expired.values())
