"""Which channels are watched, under which names and with which settings: those of ``--stream``, else the configuration's tables.

[[channel]]
stream = "twitch.tv/x"
[channel.peaks]
percentile = 95
"""

import difflib
import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stream_processor import naming
from stream_processor.configuring.configuration import Said, read
from stream_processor.configuring.options import ChannelOptions
from stream_processor.configuring.setting_errors import Given, nearest
from stream_processor.errors import SettingsError
from stream_processor.redact import one_line
from stream_processor.settings import CHANNEL_SECTIONS, Settings

MAX_CHANNELS = 256

_KEYS = ("stream", "name", *CHANNEL_SECTIONS)


@dataclass(frozen=True)
class _Table:
    """One ``[[channel]]``, checked. ``where`` names it in error lines; ``name`` is safe, or empty where none was given."""

    where: str
    stream: str
    name: str
    settings: Settings


def load_channels(
    streams: Sequence[str] = (),
    file: pathlib.Path | None = None,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, tuple[str, Any]] | None = None,
) -> tuple[Settings, tuple[ChannelOptions, ...]]:
    """The common settings, and the channels in their order; none where neither ``streams`` nor a table names any.

    ``streams`` take the place of the tables; a table for the same stream lends its name and settings.
    SettingsError: one line that names the place, the channel, the key, the value, and the nearest known name.
    """
    said = read(file, overrides, environ, flags)
    common = said.settings()
    tables = _tables(said, str(file))
    if not streams:
        return common, _named(tables)
    given = [stream.strip() for stream in streams]
    if len(given) > MAX_CHANNELS:
        raise SettingsError(f"--stream: at most {MAX_CHANNELS} channels, here are {len(given)}")
    for number, stream in enumerate(given):
        if not stream:
            raise SettingsError("--stream: must not be empty")
        if stream in given[:number]:
            raise SettingsError(f"--stream: {one_line(stream, most=200)} is given twice")
    known = {table.stream: table for table in tables}
    return common, _named([known.get(stream, _Table("--stream", stream, "", common)) for stream in given])


def _tables(said: Said, file: str) -> list[_Table]:
    if isinstance(said.tables, Mapping):
        raise SettingsError(f"{file}: channel stands in double brackets, one for each channel: [[channel]]")
    if not isinstance(said.tables, Sequence) or isinstance(said.tables, str):
        raise SettingsError(f"{file}: channel must be tables: [[channel]]")
    if len(said.tables) > MAX_CHANNELS:
        raise SettingsError(f"{file}: at most {MAX_CHANNELS} channels, here are {len(said.tables)}")
    found: dict[str, _Table] = {}
    names: dict[str, str] = {}
    for number, tree in enumerate(said.tables, start=1):
        table = _table(said, tree, f"{file}: channel {number}")
        if table.stream in found:
            raise SettingsError(f"{table.where}: {_short(found[table.stream], file)} has the same stream")
        if table.name and (other := names.setdefault(naming.identity(table.name), table.stream)) != table.stream:
            raise SettingsError(f"{table.where}: {_short(found[other], file)} has the same name {table.name}")
        found[table.stream] = table
    return list(found.values())


def _table(said: Said, tree: Any, where: str) -> _Table:
    if not isinstance(tree, Mapping):
        raise SettingsError(f"{where}: must be a table")
    stream, name = tree.get("stream"), tree.get("name", "")
    if isinstance(stream, str) and stream.strip():
        where = f"{where} ({one_line(stream, most=200)})"
    _check_keys(tree, where)
    if not isinstance(stream, str) or not stream.strip():
        raise SettingsError(f"{where}: stream = {one_line(repr(stream), most=200)}: must be text, not empty")
    if not isinstance(name, str) or ("name" in tree and not name.strip()):
        raise SettingsError(f"{where}: name = {one_line(repr(name), most=200)}: must be text, not empty")
    own = Given({key: tree[key] for key in CHANNEL_SECTIONS if key in tree}, lambda _: where)
    return _Table(where, stream.strip(), naming.safe_name(name) if name else "", _settings(said, own, where))


def _check_keys(tree: Mapping[str, Any], where: str) -> None:
    unknown = [key for key in tree if key not in _KEYS]
    for key in unknown:
        if key in Settings.model_fields:
            raise SettingsError(f"{where}: {key} is for the whole program: it belongs into [{key}], not into a channel")
        if near := difflib.get_close_matches(key[:200], _KEYS, n=1, cutoff=0.7):
            raise SettingsError(f"{where}: unknown key {one_line(key, most=200)}, did you mean {near[0]}?")
    if "stream" not in tree:
        raise SettingsError(f"{where}: stream is missing")
    if unknown:
        raise SettingsError(f"{where}: unknown key {one_line(unknown[0], most=200)}{nearest(unknown[0], Settings)}")


def _settings(said: Said, own: Given, where: str) -> Settings:
    try:
        return said.settings(own)
    except SettingsError as error:  # the common ones were right: the fault is in this channel's, or between the two
        line = str(error)
        raise SettingsError(line if line.startswith(where) else f"{where}: {line}") from error


def _short(table: _Table, file: str) -> str:
    return table.where.removeprefix(f"{file}: ")


def _named(tables: Sequence[_Table]) -> tuple[ChannelOptions, ...]:
    """Names that were given are kept; those made from the stream step aside, in order."""
    taken = {naming.identity(table.name) for table in tables if table.name}
    channels = []
    for table in tables:
        name = table.name
        if not name:
            name = naming.distinct(naming.channel_name(table.stream), taken)
            taken.add(naming.identity(name))
        channels.append(ChannelOptions(table.stream, name, table.settings))
    return tuple(channels)
