"""RTMP addresses: ``rtmp://host[:port]/app/key``. The key is a secret, and is in no message."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from stream_processor.errors import SourceUnusable
from stream_processor.redact import redact

DEFAULT_PORT = 1935


@dataclass(frozen=True)
class RtmpAddress:
    """``key`` is all that follows the last slash, the query with it, as encoders send it in ``publish``."""

    host: str
    port: int
    app: str
    key: str = field(repr=False)

    @property
    def path(self) -> str:
        """However an encoder splits it into app and key, put together it is this."""
        return f"{self.app}/{self.key}"

    @property
    def netloc(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return redact(f"rtmp://{self.netloc}/{self.path}")


def parse_rtmp(url: str, *, default_host: str = "") -> RtmpAddress:
    """SourceUnusable says what is missing or wrong. ``default_host`` stands in for an empty one."""
    if any(character.isspace() or not character.isprintable() for character in url):
        raise SourceUnusable("an RTMP address with white space or control characters in it")  # redaction would stop there
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SourceUnusable(f"{redact(url)}: {error}") from error
    host = parts.hostname or default_host
    if parts.scheme != "rtmp" or parts.username is not None or not host:
        raise SourceUnusable(f"{redact(url)}: not of the form rtmp://host[:port]/app/key")
    path, question, query = url.partition("://")[2].partition("/")[2].partition("?")
    app, _, key = path.rpartition("/")
    if not app or not key:
        raise SourceUnusable(f"{redact(url)}: an RTMP address needs an app and a key: rtmp://{host}/app/key")
    return RtmpAddress(host, DEFAULT_PORT if port is None else port, app, f"{key}{question}{query}")
