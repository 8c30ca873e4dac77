"""``python -m benchmarks``."""

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks import __main__ as entry
from benchmarks.report import Report, RunSettings, Skipped, Table


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    """Benchmarks that go well, are skipped, and fail."""

    def good(settings: RunSettings) -> Report:
        return Report("Good", [Table("t", ["quick", "device"], [[str(settings.quick), settings.device]])], raw={"samples": [1]})

    def skipped(_: RunSettings) -> Report:
        raise Skipped("no such card")

    def bad(_: RunSettings) -> Report:
        raise RuntimeError("broken")

    for name, run in (("good", good), ("skipped", skipped), ("bad", bad)):
        module = ModuleType(f"benchmarks.{name}")
        module.run = run  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, f"benchmarks.{name}", module)
    monkeypatch.setattr(entry, "NAMES", {"bad": "", "skipped": "", "good": "", "absent": ""})


@pytest.mark.usefixtures("three")
def test_one_that_fails_says_so_and_the_others_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "figures.json"
    assert entry.main(["--json", str(kept), "--quick", "--device", "cpu"]) == 1
    out = capsys.readouterr().out
    assert "failed: RuntimeError: broken" in out
    assert "skipped: no such card" in out
    assert "skipped: benchmarks.absent is not installed" in out
    assert "| True | cpu |" in out
    document = json.loads(kept.read_text(encoding="utf-8"))
    assert {name: each["status"] for name, each in document["benchmarks"].items()} == {
        "bad": "failed", "skipped": "skipped", "good": "done", "absent": "skipped",
    }  # fmt: skip
    assert document["benchmarks"]["good"]["raw"] == {"samples": [1]}
    assert {"machine", "date", "command"} <= document.keys()


@pytest.mark.usefixtures("three")
def test_only_those_that_were_named_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.main(["good", "skipped"]) == 0
    assert "broken" not in capsys.readouterr().out


def test_an_unknown_name_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        entry.main(["flor"])
    assert ended.value.code == 2
    said = capsys.readouterr().err.strip()
    assert "\n" not in said
    assert "no benchmark is called flor" in said
    assert "floor" in said
