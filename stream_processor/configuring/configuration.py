"""Reads the configuration: what is said nearest to the person wins, and every mistake is one clear line.

From strongest to weakest: options of their own such as --output, ``--set SECTION.KEY=VALUE``, the environment
(``CLIP_HIGHLIGHTS_SECTION__KEY``), a channel's own table in the file, the rest of the file, the defaults. Own code and no
pydantic-settings, because that forgets which place said what, reads JSON where the file has TOML, and says nothing about
misspelt variables.
"""

import difflib
import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from stream_processor.configuring import toml_file
from stream_processor.configuring.setting_errors import Given, Path, explain, nearest
from stream_processor.errors import SettingsError
from stream_processor.redact import one_line
from stream_processor.settings import Settings

_PREFIX = "CLIP_HIGHLIGHTS_"


@dataclass(frozen=True)
class Said:
    """All that was said, place by place and not judged yet. ``now``: flags, --set and environment, the strongest first.

    ``tables``: what stands under ``channel`` in the file, which ``channel_list`` reads.
    """

    now: tuple[Given, ...]
    file: Given
    tables: Any = ()

    def settings(self, channel: Given | None = None) -> Settings:
        """The common settings, or those of one channel, whose own table stands above the file's common sections only.

        SettingsError: one line that names the place, the key, the value, what is allowed and the nearest known name.
        """
        given = [*self.now, *([channel] if channel is not None else []), self.file]
        try:
            return Settings(**_merged([place.tree for place in reversed(given)]))
        except ValidationError as error:
            raise SettingsError(one_line(explain(error, Settings, given))) from error


def load(
    file: pathlib.Path | None = None,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, tuple[str, Any]] | None = None,
) -> Settings:
    """The common settings: as ``read`` and ``Said.settings`` have it. Channels' tables are let be."""
    return read(file, overrides, environ, flags).settings()


def read(
    file: pathlib.Path | None = None,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, tuple[str, Any]] | None = None,
) -> Said:
    """Collect what was said. ``flags`` maps SECTION.KEY to the option that means it and its value, the strongest of all.

    SettingsError: a place that cannot be read at all.
    """
    now = (_from_flags(flags or {}), _from_overrides(overrides), _from_environment(environ or {}))
    if file is None:
        return Said(now, Given({}, lambda _: "settings"))
    tree = toml_file.read(file)
    tables = tree.pop("channel", ())
    if wrong := difflib.get_close_matches("channel", tree.keys() - Settings.model_fields.keys(), n=1):
        raise SettingsError(f"{file}: unknown section {wrong[0]}, did you mean [[channel]]?")
    return Said(now, Given(tree, lambda _: str(file)), tables)


def _from_flags(flags: Mapping[str, tuple[str, Any]]) -> Given:
    tree: dict[str, Any] = {}
    for key, (_, value) in flags.items():
        _put(tree, key.split("."), value)
    return Given(tree, lambda path: flags.get(".".join(path), ("command line", None))[0])


def _from_overrides(overrides: Sequence[str]) -> Given:
    tree: dict[str, Any] = {}
    for override in overrides:
        key, equals, text = override.partition("=")
        said = f"--set {one_line(override, most=200)}"
        path = [" ".join(part.split()) for part in key.split(".")]
        if not equals or not all(path):
            raise SettingsError(f"{said}: expected SECTION.KEY=VALUE")
        if len(path) == 1:
            raise SettingsError(f"{said}: {one_line(path[0], most=200)} has no section{nearest(path[0], Settings)}")
        if len(path) > toml_file.MAX_DEPTH:
            raise SettingsError(f"{said}: a key of more than {toml_file.MAX_DEPTH} parts")
        _put(tree, path, toml_file.value(text.strip()))
    return Given(tree, lambda _: "--set")


def _from_environment(environ: Mapping[str, str]) -> Given:
    """Names with two underscores after the prefix are settings; ``CLIP_HIGHLIGHTS_TWITCH_TOKEN``, for one, is not."""
    tree: dict[str, Any] = {}
    names: dict[Path, str] = {}
    for name, text in environ.items():
        path = tuple(name.removeprefix(_PREFIX).lower().split("__"))
        if name.startswith(_PREFIX) and len(path) > 1 and text.strip():  # an empty variable says nothing
            if len(path) > toml_file.MAX_DEPTH:
                raise SettingsError(f"{one_line(name, most=200)}: a key of more than {toml_file.MAX_DEPTH} parts")
            names[path] = name
            _put(tree, path, toml_file.value(text.strip()))
    return Given(tree, lambda path: next((name for known, name in names.items() if known[: len(path)] == path), "environment"))


def _put(tree: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for part in path[:-1]:
        inner = tree.get(part)
        if not isinstance(inner, dict):
            inner = tree[part] = {}
        tree = inner
    tree[path[-1]] = value


def _merged(trees: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Later trees win, key by key."""
    result: dict[str, Any] = {}
    for tree in trees:
        for key, value in tree.items():
            below = result.get(key)
            result[key] = _merged([below, value]) if isinstance(below, dict) and isinstance(value, dict) else value
    return result
