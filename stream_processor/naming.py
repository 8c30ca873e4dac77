"""Names for channels, and the promise that no name from outside leads out of the output folder."""

import re
import unicodedata
from collections.abc import Collection
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pathvalidate import sanitize_filename

from stream_processor.errors import ClipWriteError

MAX_LENGTH = 64
MAX_BYTES = 160
"""In UTF-8. File systems take 255 for a name, also where it gets an ending."""
JOURNAL = "journal.sqlite3"
"""The journal's file among the channels' folders. Beside it, with longer names: what SQLite keeps, the lock, damaged ones."""
_LISTEN = "listen:"
_WEB_ADDRESS = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}/", re.IGNORECASE)
"""twitch.tv/x, as people type it."""
_SAYS_NOTHING = ("index", "master", "playlist", "live", "stream", "video", "watch")
_TOKENS_ARE_LONGER = 24
"""A longer folder name in a URL may be a signature or token, and is left out of names."""


def channel_name(url: str) -> str:
    """A short, safe folder and topic name for what ``--stream`` says: never empty, never a path, never a stream key.

    ``twitch.tv/x`` is ``x``, a file its stem, RTMP ``host-app`` (the key is a secret), ``-`` ``pipe``, ``demo`` itself.
    """
    url = url.strip()
    if url == "-":
        return "pipe"
    if url.lower().startswith(_LISTEN):
        return safe_name(f"listen-{_rtmp_app(url[len(_LISTEN) :])}")
    if re.match(r"rtmp\w*://", url, re.IGNORECASE):
        return safe_name(f"{_host(url)}-{_rtmp_app(url)}")
    if re.match(r"(?!file:)[a-z][a-z0-9+.-]+://", url, re.IGNORECASE):
        return safe_name(_web_name(url))
    if _WEB_ADDRESS.match(url):
        return safe_name(_web_name(f"https://{url}"))
    name = re.split(r"[/\\]", url.rstrip("/\\"))[-1]
    return safe_name(name.rpartition(".")[0] or name)


def safe_name(name: str) -> str:
    """A name every file system and every MQTT topic takes: no separators, control characters, wildcards or reserved words.

    Nothing in it is invisible or turns the direction of writing. It has at most ``MAX_LENGTH`` characters and ``MAX_BYTES``.

    Nor is it the journal's, or that of a file beside it.
    """
    name = _visible(unicodedata.normalize("NFC", name[: MAX_LENGTH * 16]))
    name = sanitize_filename(name, replacement_text="-", platform="universal", max_len=MAX_LENGTH * 4)
    name = _cut(re.sub(r"[\s+#$-]+", "-", name), MAX_LENGTH).strip("-. ")
    name = sanitize_filename(name, platform="universal") if name else ""  # cutting may have made a reserved name
    if identity(name).startswith(JOURNAL):
        name = _cut(f"stream-{name}", MAX_LENGTH).rstrip("-. ")
    return name or "stream"


def identity(name: str) -> str:
    """The same for two names that some file system holds to be one folder: those of Windows and macOS ignore case."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def distinct(name: str, taken: Collection[str]) -> str:
    """``name``, or the first of ``name-2``, ``name-3``, … whose ``identity`` is not among ``taken``."""
    found, number = name, 1
    while identity(found) in taken:
        number += 1
        ending = f"-{number}"
        found = _cut(name, MAX_LENGTH - len(ending), MAX_BYTES - len(ending)).rstrip("-. ") + ending
    return found


def _visible(name: str) -> str:
    """Without what shows nothing or deceives: controls, marks that turn the direction, half surrogate pairs, unassigned."""
    return "".join("-" if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") else each for each in name)


def _cut(name: str, most: int, most_bytes: int = MAX_BYTES) -> str:
    return name[:most].encode("utf-8")[:most_bytes].decode("utf-8", "ignore")


def inside(folder: Path, name: str) -> Path:
    """``folder / name``, links followed. ClipWriteError unless it lies below ``folder``."""
    root = folder.resolve()
    try:
        path = (root / name).resolve()
    except (ValueError, OSError, RuntimeError) as error:  # a NUL, a name too long, links that go in circles
        raise ClipWriteError(f"{name[:80]!r} cannot be a file name") from error
    if path == root or not path.is_relative_to(root):
        raise ClipWriteError(f"{name[:80]!r} does not lie under the output folder {folder}")
    return path


def _rtmp_app(url: str) -> str:
    """The application, which is public; what follows it is the key."""
    _, _, rest = url.partition("://")
    return rest.partition("?")[0].partition("/")[2].partition("/")[0]


def _web_name(url: str) -> str:
    """The last part of the path without its ending, as on twitch.tv/x; with its host where that says nothing by itself."""
    parts = [part for part in unquote(_path(url)).split("/") if part.strip(". ")]
    if not parts:
        return _host(url)
    name = re.sub(r"\.[a-z0-9]{2,5}$", "", parts[-1], flags=re.IGNORECASE)
    if name.lower() not in _SAYS_NOTHING:
        return name
    above = [part for part in parts[-2:-1] if len(part) <= _TOKENS_ARE_LONGER]
    return "-".join([_host(url), *above, name])


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:  # "Invalid IPv6 URL"
        return ""


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "stream"
    except ValueError:
        return "stream"
