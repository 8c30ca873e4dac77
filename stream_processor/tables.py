"""Names for exchangeable parts: a table says what exists, so that listing it imports nothing heavy."""

import difflib
import importlib
from collections.abc import Mapping
from typing import Any

from stream_processor.errors import SettingsError


def find(table: Mapping[str, str], kind: str, setting: str) -> Any:
    """The class that ``kind`` names: a name in the table, or ``package.module:Class`` from anywhere.

    SettingsError names ``setting`` and the nearest known name, or why the module cannot be imported.
    """
    path = table.get(kind, kind)
    module_name, colon, class_name = path.partition(":")
    if not colon:
        near = difflib.get_close_matches(kind, table, n=1)
        hint = f", did you mean {near[0]!r}?" if near else ""
        known = ", ".join(sorted(table))
        raise SettingsError(f"{setting}: unknown kind {kind!r}{hint} (known: {known}, or package.module:Class)")
    try:
        return getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise SettingsError(f"{setting}: cannot load {path!r}: {error}") from error
