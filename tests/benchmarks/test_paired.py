"""Comparisons side by side."""

import os
import subprocess
import sys
import time

import pytest

from benchmarks.paired import ChildFailedError, alternate, child, cpu_seconds, ratio, sizes_mb, within

HAS_PROC = sizes_mb("self") is not None
needs_proc = pytest.mark.skipif(not HAS_PROC, reason="there is no /proc here")


def test_variants_take_turns_after_a_warm_up_that_does_not_count() -> None:
    calls: list[str] = []

    def variant(name: str) -> int:
        calls.append(name)
        return len(calls)

    results = alternate({"a": lambda: variant("a"), "b": lambda: variant("b")}, rounds=2, warmups=1)
    assert calls == ["a", "b"] * 3
    assert results == {"a": [3, 5], "b": [4, 6]}


def test_a_ratio_is_taken_round_by_round() -> None:
    #            quiet  disturbed  quiet
    ours, bare = [2.0, 20.0, 2.2], [1.0, 10.0, 1.0]
    found = ratio(ours, bare)
    assert (found.median, found.least, found.most, found.count) == (2.0, 2.0, 2.2, 3)


def test_rounds_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratio([1.0, 2.0], [1.0])


def test_a_childs_words_and_cost_are_its_own() -> None:
    cost = child([sys.executable, "-c", "print('done'); sum(range(3_000_000))"])
    assert cost.said == "done\n"
    assert cost.cpu_seconds > 0
    assert cost.wall_seconds > 0


@needs_proc
def test_a_childs_peak_is_not_its_parents() -> None:
    ballast = bytearray(os.urandom(1) * 300_000_000)
    cost = child([sys.executable, "-S", "-c", "import time; time.sleep(0.2)"])
    assert len(ballast) == 300_000_000
    assert cost.peak_mb is not None
    assert cost.peak_mb < 100


@needs_proc
def test_a_child_is_looked_at_while_it_runs() -> None:
    seen: list[int] = []
    cost = child([sys.executable, "-S", "-c", "import time; time.sleep(0.3)"], look=seen.append)
    assert len(set(seen)) == 1
    assert all(mb > 0 for _, mb in cost.rss_mb)


def test_a_child_that_fails_says_why() -> None:
    with pytest.raises(ChildFailedError, match="exit code 3: no such thing"):
        child([sys.executable, "-c", "import sys; print('no such thing', file=sys.stderr); sys.exit(3)"])


def test_a_call_within_this_process_costs_what_it_computes() -> None:
    cost = within(lambda: sum(range(100_000)))
    assert cost.wall_seconds > 0
    assert cost.peak_mb is None


@needs_proc
def test_a_running_process_is_measured_from_outside() -> None:
    assert (cpu_seconds(os.getpid()) or 0) <= time.process_time() + 1
    ended = subprocess.Popen([sys.executable, "-S", "-c", ""])
    ended.wait()
    assert cpu_seconds(ended.pid) is None
    assert sizes_mb(ended.pid) is None
