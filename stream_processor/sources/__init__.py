"""Where streams come from. ``source_for`` picks the source for what ``--stream`` was given; only that one is imported.

Besides ``contracts.Source`` each has ``is_live``: what arrives must be taken now. The others wait, and nothing is dropped.
"""

import re
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from stream_processor.contracts import Source
from stream_processor.errors import SourceUnusable
from stream_processor.redact import redact
from stream_processor.settings import SourceSettings, StreamlinkSettings

Form = Literal["demo", "pipe", "listen", "rtmp", "file", "streamlink"]

_MEDIA_FILE = re.compile(
    r"\.(3gp|asf|avi|flac|flv|m2ts|m4a|m4v|mkv|mov|mp3|mp4|mpe?g|mts|mxf|nut|og[gv]|ts|vob|wav|webm|wmv)$", re.IGNORECASE
)
_STREAMLINK_SCHEMES = ("hls", "hlsvariant", "httpstream", "dash")


def form_of(stream: str) -> Form:
    """What kind of thing ``stream`` names. SourceUnusable: an address that nothing here can read."""
    if stream == "demo":
        return "demo"
    if stream == "-":
        return "pipe"
    if stream.startswith("listen:"):
        return "listen"
    scheme, has_scheme, rest = stream.partition("://")
    if not has_scheme:
        return "file" if stream.startswith("file:") or Path(stream).exists() or not _is_web_page(stream) else "streamlink"
    scheme = scheme.lower()
    if scheme == "rtmp":
        return "rtmp"
    if scheme == "file" or (scheme in ("http", "https") and _names_media(rest)):
        return "file"
    if scheme in ("http", "https", *_STREAMLINK_SCHEMES):
        return "streamlink"
    raise SourceUnusable(
        f"{redact(stream)}: {scheme}:// is not supported (rtmp, http, https, listen:rtmp, a file, - or demo are)"
    )


def source_for(
    stream: str,
    *,
    source: SourceSettings,
    streamlink: StreamlinkSettings,
    paced: bool = False,
    wait: bool = False,
    only_live: bool = False,
) -> Source:
    """The source for ``stream``. SourceUnusable: a bad address.

    ``paced`` plays a file at 1x; ``wait`` is ``--wait``. ``only_live``: a recording found by streamlink counts as offline.
    """
    form = form_of(stream)
    if form == "demo":
        from stream_processor.sources.demo import DemoSource

        return DemoSource(source)
    if form == "pipe":
        from stream_processor.sources.pipe import PipeSource

        return PipeSource()
    if form == "listen":
        from stream_processor.sources.listen import ListenSource

        return ListenSource(stream, source)
    if form == "rtmp":
        from stream_processor.sources.rtmp import RtmpSource

        return RtmpSource(stream, source, wait=wait)
    if form == "file":
        from stream_processor.sources.file import FileSource

        return FileSource(_path_of(stream), source, paced=paced)
    from stream_processor.sources.streams import StreamlinkSource

    return StreamlinkSource(stream, streamlink, source, only_live=only_live)


def _is_web_page(stream: str) -> bool:
    """``twitch.tv/x`` as people write it, and not a file that is missing: a host name with a dot, a slash, no media suffix."""
    host, slash, path = stream.partition("/")
    return bool(slash) and "." in host.strip(".") and not host.startswith(".") and not _names_media(path)


def _names_media(address: str) -> bool:
    return _MEDIA_FILE.search(address.partition("?")[0]) is not None


def _path_of(stream: str) -> str:
    if stream.startswith("file://"):
        return unquote(urlsplit(stream).path)
    return stream.removeprefix("file:")
