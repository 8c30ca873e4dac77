"""Where a broker is, and what a name looks like in a topic. Pure."""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from stream_processor.errors import SettingsError
from stream_processor.redact import one_line

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_LONGEST_TOPIC_PART = 128
_LONGEST_LOGIN_BYTES = 65_535


@dataclass(frozen=True)
class Broker:
    """Where it is and how to log in. ``password`` never shows."""

    host: str
    port: int
    is_encrypted: bool
    user: str | None
    password: str | None = field(repr=False)


def parse(url: str) -> Broker:
    """``mqtt://[USER[:PASSWORD]@]HOST[:PORT]`` or ``mqtts://…``; user and password may be percent-encoded.

    SettingsError: anything else; the password is left out of the message.
    """
    shown = f"mqtt.url {_shown(url)!r}"
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
    except ValueError:  # its words may be made of the password's
        raise SettingsError(
            f"{shown}: no host and port can be read; write @ : / ? # in a password as %40 %3A %2F %3F %23"
        ) from None
    if scheme not in _PORTS or not host:
        raise SettingsError(f"{shown}: expected mqtt://HOST[:PORT] or mqtts://HOST[:PORT]")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise SettingsError(f"{shown}: nothing may follow the port; topics begin with mqtt.prefix")
    user, password = (unquote(part) if part is not None else None for part in (parts.username, parts.password))
    if any(len((part or "").encode("utf-8", "replace")) > _LONGEST_LOGIN_BYTES for part in (user, password)):
        raise SettingsError(f"{shown}: MQTT carries no user or password of more than {_LONGEST_LOGIN_BYTES} bytes")
    return Broker(
        host=host,
        port=port if port is not None else _PORTS[scheme],
        is_encrypted=scheme == "mqtts",
        user=user,
        password=password,
    )


def _shown(url: str) -> str:
    """For an error line; of a URL that is none, too, nothing before the @ is repeated."""
    before, at, host = url.rpartition("@")
    scheme, separator, _ = before.rpartition("://") if before.count("://") == 1 else ("", "", "")
    return one_line(f"{scheme}{separator}{at and '***@'}{host}", most=200)


def topic_part(name: str) -> str:
    """``name`` as one level of a topic: without wildcards, separators and control characters, of sane length, never empty."""
    return re.sub(r"[#+/\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]", "_", name)[:_LONGEST_TOPIC_PART] or "_"
