"""Where a stream may lead: to the open internet, and to such private places as the user's own address lies in."""

import socket
import threading
from urllib.parse import urlsplit

import structlog

from stream_processor.redact import redact
from stream_processor.sources.streams.addresses import place_of
from stream_processor.sources.streams.words import one_line

SCHEMES = ("http", "https")
_PLUGIN_SCHEMES = ("hls", "hlsvariant", "httpstream", "dash")
_MOST_SAID = 20
"""Refusals that are said, each once; all are counted."""


class Refused(Exception):
    """What a stream named is not fetched. One line, no secrets."""


class Guard:
    """One source's. ``trust`` first; until the user's own host has resolved once, only public addresses are allowed.

    What the user's host resolves to at the first time counts for good: who owns that name may change what it says.
    """

    def __init__(self) -> None:
        self.refused = 0
        """Requests that were not made."""
        self._allowed: frozenset[str] | None = None
        self._said: set[str] = set()
        self._lock = threading.Lock()

    def trust(self, url: str) -> None:
        """The user's own address, as given to ``--stream``. Blocks for the name's resolution."""
        if self._allowed is not None:
            return
        try:
            places = {place_of(address) for address in addresses_of(_host_of(url))}
        except (OSError, ValueError):
            return  # no such host, now; who connects will say so
        self._allowed = frozenset(place for place in places if place is not None)

    def permitted(self, host: str, addresses: list[str]) -> list[str]:
        """Those of a host's addresses that may be connected to. Refused: there are some, and none may."""
        if not addresses:
            return []
        permitted = [address for address in addresses if self._may(place_of(address))]
        if not permitted:
            place = place_of(addresses[0])
            raise self.refuse(f"{_shown(host)} is a {place} address, and the stream's own is not")
        return permitted

    def permit_named(self, host: str) -> None:
        """The same, where a proxy will do the connecting: as far as the name resolves here."""
        try:
            found = addresses_of(host)
        except (OSError, ValueError):
            return
        self.permitted(host, found)

    def refuse(self, why: str) -> Refused:
        """Count it, and say it where it was not said before. For the caller to raise."""
        with self._lock:
            self.refused += 1
            new = why not in self._said and len(self._said) < _MOST_SAID
            if new:
                self._said.add(why)
        if new:
            structlog.get_logger(__name__).warning("the stream names what is not fetched", reason=why)
        return Refused(f"not fetched: {why}")

    def _may(self, place: str | None) -> bool:
        return place is None or place in (self._allowed or ())


def addresses_of(host: str, family: int = socket.AF_UNSPEC) -> list[str]:
    """IP addresses, in the order in which they should be tried, each once. OSError, UnicodeError: it does not resolve."""
    found = socket.getaddrinfo(host.strip("[]"), None, family, socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _host_of(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    while separator and scheme.lower() in _PLUGIN_SCHEMES:
        url = rest
        scheme, separator, rest = url.partition("://")
    return urlsplit(url if separator else f"https://{url}").hostname or ""


def _shown(host: str) -> str:
    return redact(one_line(host, 100))
