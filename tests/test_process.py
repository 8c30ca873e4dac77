"""What the process takes from the machine. What changes a whole process is tried in one of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor import process
from stream_processor.process import available_cores, thread_count, threads_per_channel
from stream_processor.settings import ProcessSettings
from tests.conftest import REPOSITORY


def test_there_are_never_more_threads_than_cores() -> None:
    cores = available_cores()
    assert thread_count(ProcessSettings()) == cores
    assert thread_count(ProcessSettings(threads=1)) == 1
    assert thread_count(ProcessSettings(threads=256)) == cores


@given(st.integers(1, 256), st.integers(0, 256))
def test_channels_share_the_threads_and_each_has_one(threads: int, channels: int) -> None:
    share = threads_per_channel(threads, channels)
    assert share >= 1
    assert share == 1 or share * channels <= threads
    assert (share + 1) * max(channels, 1) > threads


def cgroup(folder: Path, own: str, **quotas: str) -> tuple[Path, Path]:
    """A tree of control groups: ``a__b`` is the group a/b, ``root`` the one above all."""
    root = folder / "cgroup"
    for name, quota in quotas.items():
        group = root if name == "root" else root / name.replace("__", "/")
        group.mkdir(parents=True, exist_ok=True)
        (group / "cpu.max").write_text(quota)
    (folder / "self").write_text(own)
    return root, folder / "self"


@pytest.mark.parametrize(
    ("own", "quotas", "cores"),
    [
        ("0::/\n", {"root": "200000 100000\n"}, 2.0),  # a container sees itself as the root
        ("0::/a/b\n", {"a": "150000 100000", "a__b": "max 100000"}, 1.5),  # the group above is the tighter one
        ("0::/a/b\n", {"a": "800000 100000", "a__b": "50000 100000"}, 0.5),
        ("0::/a\n", {"a": "max 100000"}, None),
        ("0::/a\n", {"a": "odd"}, None),
        ("0::/../..\n", {"root": "100000 100000"}, 1.0),
        ("1:cpu:/a\n", {"a": "100000 100000"}, None),  # version 1 only
    ],
)
def test_a_container_s_quota_counts(tmp_path: Path, own: str, quotas: dict[str, str], cores: float | None) -> None:
    assert process._cgroup_cores(*cgroup(tmp_path, own, **quotas)) == cores


def test_where_there_are_no_control_groups_there_is_no_quota(tmp_path: Path) -> None:
    assert process._cgroup_cores(tmp_path, tmp_path / "none") is None


def test_a_part_of_a_core_is_one_core(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    root, own = cgroup(tmp_path, "0::/\n", root="20000 100000")
    monkeypatch.setattr(process, "_CGROUPS", root)
    monkeypatch.setattr(process, "_OWN_CGROUP", own)
    assert available_cores() == 1


IN_ITS_OWN_PROCESS = """
import json, os, sys, threading
from stream_processor import process
from stream_processor.settings import ProcessSettings
words = [process.apply(ProcessSettings(**json.loads(sys.argv[1]))) for _ in range(2)]
import cv2
nice = []
thread = threading.Thread(target=lambda: nice.append(os.nice(0)))
thread.start()
thread.join()
print(json.dumps([words[-1], cv2.getNumThreads(), os.environ.get("OMP_NUM_THREADS"), nice[0], "torch" in sys.modules]))
"""


def apply(omp: str | None = None, **settings: object) -> list[object]:
    environ = {"PATH": "/usr/bin:/bin", **({"OMP_NUM_THREADS": omp} if omp else {})}
    command = [sys.executable, "-c", IN_ITS_OWN_PROCESS, json.dumps(settings)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=environ, cwd=REPOSITORY)
    said: list[object] = json.loads(done.stdout.splitlines()[-1])
    return said


@pytest.mark.skipif(sys.platform == "win32", reason="there it is a priority class")
def test_threads_and_priority_reach_the_libraries_and_the_threads_that_follow() -> None:
    nice = apply()[3]
    assert isinstance(nice, int)
    assert apply(threads=1, priority="low") == ["1 thread, low priority", 1, "1", max(10, nice), False]


@pytest.mark.skipif(sys.platform == "win32", reason="there it is a priority class")
def test_a_variable_that_a_person_set_stands_unless_he_asks_for_threads() -> None:
    assert apply(omp="7")[2] == "7"
    assert apply(omp="7", threads=1)[2] == "1"


@pytest.mark.skipif(sys.platform == "win32", reason="there it is a priority class")
def test_a_system_that_refuses_is_a_warning() -> None:
    forbid = "import os\ndef refuse(_): raise PermissionError(1, 'Operation not permitted')\nos.nice = refuse\n"
    body = IN_ITS_OWN_PROCESS.replace("nice.append(os.nice(0))", "nice.append(None)")
    command = [sys.executable, "-c", forbid + body, json.dumps({"priority": "low", "threads": 1})]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=REPOSITORY)
    assert "the priority stays normal" in done.stdout
    assert json.loads(done.stdout.splitlines()[-1])[0] == "1 thread"
