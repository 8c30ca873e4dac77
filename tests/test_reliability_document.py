"""What `docs/reliability.md` promises is proved by tests that exist: a table whose tests are gone would prove nothing."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

DOCUMENT = REPOSITORY / "docs" / "reliability.md"
NAMED = re.compile(r"(?P<file>tests/[\w/]+\.py)(?:::(?P<test>\w+))?")
PROMISES = 6


@cache
def functions(path: Path) -> frozenset[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def named() -> list[tuple[str, str | None]]:
    return sorted({(match["file"], match["test"]) for match in NAMED.finditer(DOCUMENT.read_text(encoding="utf-8"))}, key=str)


@pytest.mark.parametrize(("file", "test"), named())
def test_every_test_that_it_names_is_there(file: str, test: str | None) -> None:
    path = REPOSITORY / file
    assert path.exists()
    assert test is None or test in functions(path)


def test_every_promise_and_every_fault_names_its_proof() -> None:
    rows = [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("| ") and "---" not in line]
    faults = [row for row in rows if not row.endswith(("| proof |", "| test |"))]
    assert len(faults) > PROMISES
    assert [row for row in faults if "tests/" not in row and "benchmarks" not in row] == []
