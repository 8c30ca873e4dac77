"""HLS, Twitch and whatever else streamlink resolves. Parts of one source; nothing outside needs more than these two."""

from stream_processor.sources.streams.session import handles
from stream_processor.sources.streams.source import StreamlinkSource

__all__ = ["StreamlinkSource", "handles"]
