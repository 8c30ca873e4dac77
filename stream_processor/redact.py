"""Takes secrets out of texts before anyone else sees them: logs, journal, sidecars, alerts, error lines.

What comes out can be written everywhere: half surrogate pairs, as file names may hold them, are spelt out. The texts may be
anybody's, so that every pattern looks only so far ahead: the time grows with a text's length, and no faster.
"""

import re

_HIDDEN = "***"
_QUOTE_INSIDE = r"[\"<>|](?=[\w%])|'(?=[^\s\"<>|]{0,64}[\w%])"
"""A quote behind which the URL goes on at once is part of a password or key, and no end of a quotation."""
_USER = r"[^\s/?#@\[]{0,256}:(?!\d+(?:[/?#\"'<>|]|$))\S{0,1024}@"
_URL = re.compile(
    rf"(?P<scheme>[a-z][a-z0-9+.-]{{0,20}})://(?P<rest>(?:{_USER})?(?:[^\s\"'<>|]|{_QUOTE_INSIDE})+)", re.IGNORECASE
)
"""Up to the end of the word or quotation; a password reaches to the word's last @, whatever is in it."""
_AUTHORISATION = re.compile(r"\b(oauth|bearer|basic)(?P<gap>[ :=]+)[^\s\"',;]+", re.IGNORECASE)
_NAMED = re.compile(
    r"(?P<name>(?:password|passwd|passphrase|token|secret|(?:stream|api|access)_?key|signature|sig|cookie)"
    r"(?:\s*=\s*|\\?[\"']\s*[:=]\s*))(?:(?P<quote>\\?[\"']).*?(?<!\\)(?P=quote)|[^\s&,;]+)",
    re.IGNORECASE,
)
"""token=…, "password": "…" """
_HEADER = re.compile(
    r"\b(?P<name>(?:set-)?cookie|authorization|x-[a-z-]{0,40}(?:key|token))(?P<gap>\s*[:=]\s*)[^\r\n]+", re.IGNORECASE
)
_TWITCH_KEY = re.compile(r"\blive_\d+_\w+")
_LOOSE_USER = re.compile(r"\A[^/?#@\[]*:(?!\d+(?:[/?#]|$)).*@")
"""user:password@ up to the last @, whatever is in the password; a port after the colon is none."""
_LONG_PART = re.compile(r"(?<=/)(?=[^/]*\d)(?=[^/]*[a-z])(?=[^/]*[A-Z])[A-Za-z0-9_~=-]{40,}")
"""A part of a path that nobody has typed: a signature or a token."""


def redact(text: str) -> str:
    """The text without passwords, query values and RTMP stream keys in any URL in it, and without tokens named as such."""
    text = _URL.sub(lambda match: _redact_url(match["scheme"], match["rest"]), text)
    text = _HEADER.sub(lambda match: f"{match['name']}{match['gap']}{_HIDDEN}", text)
    text = _AUTHORISATION.sub(lambda match: f"{match[1]}{match['gap']}{_HIDDEN}", text)
    text = _NAMED.sub(lambda match: f"{match['name']}{match['quote'] or ''}{_HIDDEN}{match['quote'] or ''}", text)
    text = _TWITCH_KEY.sub(_HIDDEN, text)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def one_line(text: str, most: int = 1000) -> str:
    """The text for a terminal: redacted, in one line of at most so many characters, with nothing in it that moves the cursor."""
    text = redact(" ".join(text.split()))
    text = text if text.isprintable() else "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
    return text if len(text) <= most else f"{text[: most - 2]} …"


def _redact_url(scheme: str, rest: str) -> str:
    rest, said_after = (found := rest.rstrip(":,.;)")), rest[len(found) :]
    rest = _LOOSE_USER.sub(f"{_HIDDEN}@", rest, count=1) if "@" in rest else rest
    address, question, query = rest.partition("?")
    host, slash, path = address.partition("/")
    if "@" in host:
        host = f"{_HIDDEN}@{host.rpartition('@')[2]}"
    if scheme.lower().startswith("rtmp") and "/" in path:
        app, _, key = path.partition("/")
        path = f"{app}/{_HIDDEN}" if key else path
    path = _LONG_PART.sub(_HIDDEN, f"{slash}{path}")
    query = "".join(_redact_value(part) for part in re.split(r"([&#])", query))
    return f"{scheme}://{host}{path}{question}{query}{said_after}"


def _redact_value(part: str) -> str:
    """Of a query ``name=value`` the value, and all of a part that is not like that."""
    name, _, value = part.partition("=")
    if value.strip("="):
        return f"{name}={_HIDDEN}"
    return _HIDDEN if part.strip("&#") else part
