"""Where events go. A table says which kinds there are, so that listing them imports nothing heavy."""

from collections.abc import Mapping
from typing import Any

from stream_processor.contracts import Sink
from stream_processor.errors import SettingsError
from stream_processor.tables import find

SINKS = {"jsonl": "sinks.jsonl:Jsonl", "mqtt": "sinks.mqtt:Mqtt"}


def build(name: str, kind: str, options: Mapping[str, Any]) -> Sink:
    """The sink of ``[sinks.NAME]``: ``kind`` from the table or ``package.module:Class``, ``options`` as its keywords.

    SettingsError: no such kind, or options that it does not take.
    """
    made = find(SINKS, kind, f"sinks.{name}.kind")
    try:
        sink: Sink = made(**options)
    except TypeError as error:
        raise SettingsError(f"sinks.{name}.options: {error}") from error
    return sink
