"""Takes secrets out of texts before anyone else sees them: logs, journal, sidecars, alerts, error lines."""

import re

_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<rest>[^\s\"'<>|]+)", re.IGNORECASE)
_AUTHORISATION = re.compile(r"\b(oauth|bearer)(?P<gap>[ :=]+)\S+", re.IGNORECASE)
_HIDDEN = "***"


def redact(text: str) -> str:
    """The text without passwords, query values and RTMP stream keys in any URL in it, and without OAuth tokens."""
    text = _URL.sub(lambda match: _redact_url(match["scheme"], match["rest"]), text)
    return _AUTHORISATION.sub(lambda match: f"{match[1]}{match['gap']}{_HIDDEN}", text)


def _redact_url(scheme: str, rest: str) -> str:
    address, question, query = rest.partition("?")
    host, slash, path = address.partition("/")
    if "@" in host:
        host = f"{_HIDDEN}@{host.rpartition('@')[2]}"
    if scheme.lower().startswith("rtmp") and "/" in path:
        app, _, key = path.partition("/")
        path = f"{app}/{_HIDDEN}" if key else path
    if question:
        query = re.sub(r"=[^&#\s]*", f"={_HIDDEN}", query) if "=" in query else _HIDDEN
    return f"{scheme}://{host}{slash}{path}{question}{query}"
