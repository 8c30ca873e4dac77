"""Whatever streamlink resolves: Twitch and other sites, and HLS playlists by their address."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as NotInTime
from contextlib import suppress
from typing import Any

import structlog
from streamlink.exceptions import NoPluginError, PluginError, StreamlinkError

from stream_processor.contracts import Demuxer
from stream_processor.errors import SourceEnded, SourceError, SourceOffline, SourceUnusable
from stream_processor.redact import redact
from stream_processor.settings import SourceSettings, StreamlinkSettings
from stream_processor.sources.streams.demuxer import PartDemuxer
from stream_processor.sources.streams.feed import Feed
from stream_processor.sources.streams.parts import Parts
from stream_processor.sources.streams.playlist import Key
from stream_processor.sources.streams.renditions import choose, renditions
from stream_processor.sources.streams.session import (
    http_status,
    is_bad_address,
    is_refused,
    loss_reason,
    open_session,
    plugin_options,
    reason,
)

RESOLVE_TIMEOUTS = 3
"""Resolving an address takes several requests, each of which has ``open_timeout_seconds``; this many of them for all together."""
MOST_BAD_PARTS = 50
"""Parts in a row that nothing can be made of, and the stream counts as damaged."""
MOST_LEFT_BEHIND = 8
"""Threads that still wait for a name or a handshake that nobody wants any more. With so many, nothing new is begun."""


class StreamlinkSource:
    """A stream by streamlink; one part for each unbroken run, ads left out. Made for one reading thread.

    ``open`` resolves the address, and does so again when the stream was lost, since tokens expire: then it goes on after the
    last segment that it had, or at the live edge. SourceOffline: no stream there now. SourceEnded: it is over, or was live
    and is not any more. SourceUnusable: nothing that streamlink knows, or no such quality. SourceError: the network.

    A recording is watched from its beginning, unless there was a live stream here before or ``only_live`` asks for one: then
    it is SourceOffline. What follows the last segment of a live stream that was lost is taken in any case.

    ``is_live`` and ``duration_seconds`` (None: not known) are right once ``open`` has returned; ``was_live``: it was once.
    ``session`` is streamlink's. Where the stream may lead: see ``guard``.
    """

    def __init__(self, url: str, streamlink: StreamlinkSettings, source: SourceSettings, *, only_live: bool = False) -> None:
        """SettingsError: an option in [streamlink] that does not exist."""
        self.session = open_session(streamlink, source)
        self.is_live = True
        self.was_live = False
        self.duration_seconds: float | None = None
        self._url = url
        self._name = redact(url)
        self._streamlink = streamlink
        self._settings = source
        self._only_live = only_live
        self._feeds: Sequence[Feed] = ()
        self._last: Sequence[Key | None] = ()
        self._was_open = False
        self._resolving: Future[Sequence[Any]] | None = None
        self._begun: list[threading.Thread] = []
        self._over: SourceEnded | None = None

    @property
    def refused(self) -> int:
        """Requests that the stream asked for and that were not made."""
        return int(self.session.http.guard.refused)

    @property
    def quiet_until(self) -> float:
        """Until when it is right to be silent, on the monotonic clock: an ad may take minutes, and each segment its time."""
        return max((feed.parts.quiet_until for feed in self._feeds), default=0.0)

    def open(self) -> Demuxer:
        try:
            return self._next_part()
        except SourceError as error:
            if self._over is None and isinstance(error, SourceEnded):
                self._over = error
            if self._over is not None:  # what a close from another thread broke is no error
                raise self._over from None
            raise

    def close(self) -> None:
        ended = SourceEnded(f"{self._name}: closed")
        self._over = self._over or ended
        if self._resolving is not None:
            with suppress(InvalidStateError):
                self._resolving.set_exception(ended)
        for feed in self._feeds:
            feed.close()
        self.session.http.close()

    def _next_part(self) -> Demuxer:
        bad = 0
        while self._over is None:
            if any(feed.parts.is_lost for feed in self._feeds):
                self._leave()
            if not self._feeds:
                self._start(self._resolve())
            try:
                return self._open_part()
            except SourceUnusable as error:
                bad += 1
                if not self._was_open:
                    raise
                if bad >= MOST_BAD_PARTS:
                    self._leave()
                    raise SourceError(f"{self._name}: {bad} parts in a row cannot be read", reason="damaged") from None
                structlog.get_logger(__name__).warning("skipping a part of the stream", reason=str(error))
        raise self._over

    def _open_part(self) -> Demuxer:
        files = [feed.parts.next_part() for feed in self._feeds]
        demuxer = PartDemuxer(files, name=self._url)
        self._was_open = True
        self.is_live = self._feeds[0].download.is_live
        self.was_live = self.was_live or self.is_live
        self.duration_seconds = self._feeds[0].download.duration_seconds
        return demuxer

    def _start(self, streams: Sequence[Any]) -> None:
        after = self._last if len(self._last) == len(streams) else [None] * len(streams)
        only_live = self._only_live or self.was_live
        self._feeds = [
            Feed(stream, self._new_parts(), last, only_live=only_live) for stream, last in zip(streams, after, strict=True)
        ]
        if self._over is not None:  # closed meanwhile
            self._leave()

    def _leave(self) -> None:
        self._last = [feed.download.last for feed in self._feeds]
        for feed in self._feeds:
            feed.close()
        self._begun += [feed.thread for feed in self._feeds]
        self._feeds = ()
        self.session.http.hang_up()  # a thread that waits for an answer waits no longer

    def _new_parts(self) -> Parts:
        return Parts(
            self._name,
            max_bytes=int(self.session.get_option("ringbuffer-size")),
            silence_seconds=self._settings.read_timeout_seconds,
        )

    def _resolve(self) -> Sequence[Any]:
        """In a thread of its own, so that ``close`` need not wait for the network. One stream, or one each of video and audio."""
        answer: Future[Sequence[Any]] = Future()
        self._resolving = answer

        def ask() -> None:
            with suppress(InvalidStateError):  # nobody waits any more
                try:
                    answer.set_result(self._ask())
                except Exception as error:  # raised again by result()
                    answer.set_exception(error)

        thread = threading.Thread(target=ask, name="resolve", daemon=True)
        self._begun = [each for each in (*self._begun, thread) if each is thread or each.is_alive()]
        if len(self._begun) > MOST_LEFT_BEHIND:
            raise SourceError(f"{self._name}: {MOST_LEFT_BEHIND} earlier requests still hang", reason="timeout")
        thread.start()
        if self._over is not None:
            raise self._over
        limit_seconds = RESOLVE_TIMEOUTS * self._settings.open_timeout_seconds
        try:
            return answer.result(limit_seconds)
        except NotInTime:
            self.session.http.hang_up()
            raise SourceError(f"{self._name}: no answer within {limit_seconds:g} s", reason="timeout") from None

    def _ask(self) -> Sequence[Any]:
        try:
            self.session.http.guard.trust(self._url)
            plugin_name, plugin_class, url = self.session.resolve_url(self._url)
            options = plugin_options(plugin_name, plugin_class.arguments or (), self._streamlink)
            streams = plugin_class(self.session, url, options).streams()
        except NoPluginError:
            raise SourceUnusable(f"{self._name}: neither an HLS playlist nor a site that streamlink knows") from None
        except (PluginError, StreamlinkError, ValueError, OSError) as error:
            raise self._failure(error) from None  # its text holds tokens
        except Exception as error:  # plugins read what sites give them
            if is_refused(error):
                raise self._failure(error) from None
            structlog.get_logger(__name__).error("streamlink failed", stream=self._name, exc_info=error)
            what = f"streamlink failed ({type(error).__name__}: {reason(error)})"
            raise SourceError(f"{self._name}: {what}", reason="damaged") from None
        if not streams:
            raise self._nothing("no stream there now")
        return renditions(choose(streams, self._streamlink.quality, self._name, was_there=self._was_open))

    def _failure(self, error: Exception) -> SourceError:
        if http_status(error) in (404, 410):
            return self._nothing(f"{reason(error)}, no stream there now")
        if is_bad_address(error) and not self._was_open:
            return SourceUnusable(f"{self._name}: {reason(error)}", reason=loss_reason(error))
        return SourceError(f"{self._name}: {reason(error)}", reason=loss_reason(error))

    def _nothing(self, why: str) -> SourceError:
        return (SourceEnded if self._was_open else SourceOffline)(f"{self._name}: {why}", reason="ended")
