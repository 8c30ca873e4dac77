"""Takes secrets out of texts before anyone else sees them: logs, journal, sidecars, alerts, error lines."""

import re

_HIDDEN = "***"
_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<rest>[^\s\"'<>|]+)", re.IGNORECASE)
_AUTHORISATION = re.compile(r"\b(oauth|bearer|basic)(?P<gap>[ :=]+)[^\s\"',;]+", re.IGNORECASE)
_NAMED = re.compile(
    r"(?P<name>(?:password|passwd|token|secret|stream_?key|signature|sig)[\"']?\s*(?:=|(?<=[\"']):)\s*[\"']?)[^\s\"'&,;]+",
    re.IGNORECASE,
)
"""token=…, "password": "…" """
_TWITCH_KEY = re.compile(r"\blive_\d+_\w+")
_LOOSE_USER = re.compile(r"[^/?#@\[]*:(?!\d+(?:[/?#]|$))[^@]*@")
"""user:password@ whose password has characters that it should not have; a port after the colon is none."""


def redact(text: str) -> str:
    """The text without passwords, query values and RTMP stream keys in any URL in it, and without tokens named as such."""
    text = _URL.sub(lambda match: _redact_url(match["scheme"], match["rest"]), text)
    text = _AUTHORISATION.sub(lambda match: f"{match[1]}{match['gap']}{_HIDDEN}", text)
    text = _NAMED.sub(lambda match: f"{match['name']}{_HIDDEN}", text)
    return _TWITCH_KEY.sub(_HIDDEN, text)


def _redact_url(scheme: str, rest: str) -> str:
    rest, said_after = (found := rest.rstrip(":,.;)")), rest[len(found) :]
    rest = _LOOSE_USER.sub(f"{_HIDDEN}@", rest, count=1)
    address, question, query = rest.partition("?")
    host, slash, path = address.partition("/")
    if "@" in host:
        host = f"{_HIDDEN}@{host.rpartition('@')[2]}"
    if scheme.lower().startswith("rtmp") and "/" in path:
        app, _, key = path.partition("/")
        path = f"{app}/{_HIDDEN}" if key else path
    if question:
        query = re.sub(r"=[^&#\s]*", f"={_HIDDEN}", query) if "=" in query else _HIDDEN
    return f"{scheme}://{host}{slash}{path}{question}{query}{said_after}"
