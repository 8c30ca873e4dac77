"""Fetches segments by the request that streamlink would make, but repeats and judges failures itself.

streamlink asks again for whatever failed, also where the address has expired, and sleeps in between without waking up.
"""

import threading
from typing import Any
from urllib.parse import urlsplit

import structlog
from streamlink.exceptions import StreamError

from stream_processor.errors import SourceError
from stream_processor.redact import redact
from stream_processor.sources.streams.session import EXPIRED, http_status, is_refused, loss_reason, reason
from stream_processor.sources.streams.words import one_line

FIRST_PAUSE_SECONDS = 0.3
HOLES_IN_A_ROW = 3
"""So many segments one after another that cannot be had, and the stream counts as lost: its address is resolved again."""


class Fetcher:
    """One rendition's. ``stopped`` ends a pause between two attempts.

    A segment that cannot be had is a hole. SourceError instead, where asking for the stream's address anew may help: its own
    was refused (401, 403), or ``HOLES_IN_A_ROW`` are missing; of a recording they must be missing for the network's sake, since
    what its server does not have (404) it will not have later. And only once something was fetched from the address as it is,
    or each new one would be thrown away for the same hole.
    """

    def __init__(self, writer: Any, name: str, stopped: threading.Event) -> None:
        self._writer = writer
        self._name = name
        self._stopped = stopped
        self._attempts = max(1, int(writer.retries))
        self._has_fetched = False
        self._missing = 0  # in a row
        self._lost: StreamError | None = None  # the newest of them for the network's sake
        writer.retries = 0  # for what streamlink still fetches by itself, the keys

    def segment(self, segment: Any, *, is_live: bool) -> Any:
        """The response, or None for a hole."""
        response = self._fetch(segment.uri, segment, is_map=False)
        if isinstance(response, StreamError):
            self._hole(segment.uri, response, is_live=is_live)
            return None
        if self._missing > 1:
            structlog.get_logger(__name__).warning("segments were missing", stream=self._name, segments=self._missing)
        self._missing, self._has_fetched = 0, True
        return response

    def header(self, segment: Any) -> Any:
        """The response that holds a segment's initialization, or None."""
        response = self._fetch(segment.map.uri, segment, is_map=True)
        if isinstance(response, StreamError):
            self._say("an initialization is missing", segment.map.uri, response)
            return None
        return response

    def _fetch(self, uri: str, segment: Any, *, is_map: bool) -> Any:
        """The response, or the StreamError of the last attempt."""
        writer = self._writer
        failure = StreamError("stopped")
        for attempt in range(self._attempts):
            if self._stopped.is_set():
                break
            try:
                if attempt == 0:  # once: it counts byte ranges on
                    params = writer.create_request_params(segment.num, segment.map if is_map else segment, is_map)
                return writer.session.http.get(
                    uri, timeout=writer.timeout, exception=StreamError, stream=writer.stream_data and not is_map, **params
                )
            except StreamError as error:
                failure = error
            if is_refused(failure) or http_status(failure) in (*EXPIRED, 410) or attempt + 1 == self._attempts:
                break
            self._stopped.wait(FIRST_PAUSE_SECONDS * 2**attempt)
        return failure

    def _hole(self, uri: str, error: StreamError, *, is_live: bool) -> None:
        if self._stopped.is_set():
            return
        self._missing += 1
        if self._missing == 1:
            self._say("a segment is missing", uri, error)
        if not self._has_fetched:
            return
        if http_status(error) in EXPIRED:
            raise SourceError(f"{self._name}: {reason(error)} for a segment, its address has expired", reason="token")
        self._lost = None if is_refused(error) or (http_status(error) or 500) < 500 else error
        if self._missing >= HOLES_IN_A_ROW and (is_live or self._lost is not None):
            raise self._loss(error)

    def end(self) -> None:
        """Nothing follows. SourceError: the last segments were lost with the network, and may be had when it is back."""
        if self._missing and self._has_fetched and self._lost is not None:
            raise self._loss(self._lost)

    def _loss(self, error: StreamError) -> SourceError:
        lost = f"{self._missing} segment{'s' if self._missing > 1 else ''} in a row cannot be had ({reason(error)})"
        return SourceError(f"{self._name}: {lost}", reason=loss_reason(error))

    def _say(self, what: str, uri: str, error: StreamError) -> None:
        name = redact(one_line(urlsplit(uri).path.rpartition("/")[2], 100))
        structlog.get_logger(__name__).warning(what, stream=self._name, segment=name, reason=reason(error))
