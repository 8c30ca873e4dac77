"""The JSON beside a clip, as a file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stream_processor.clipping.cut import publish


def write_sidecar(path: Path, payload: Mapping[str, Any]) -> None:
    """Complete or not there at all; blocking. OSError: the disk did not take it."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(json.dumps(payload, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
        publish(part, path)
    finally:
        part.unlink(missing_ok=True)
