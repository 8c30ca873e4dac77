"""What the floor benchmark makes of what it measured."""

import pytest

from benchmarks.floor import PARTS, by_part, without_start
from benchmarks.paired import Cost
from benchmarks.threads import ThreadTimes, parse_stat


def costs(*cpu_seconds: float) -> list[Cost]:
    return [Cost(1.0, seconds) for seconds in cpu_seconds]


def test_start_up_is_taken_off_on_both_sides() -> None:
    found = without_start(costs(6, 7), costs(2, 2), costs(3, 3), costs(1, 1))
    assert found is not None
    assert (found.least, found.most) == (2.0, 2.5)


def test_a_file_that_costs_no_more_than_the_short_one_gives_no_ratio() -> None:
    assert without_start(costs(6), costs(2), costs(1), costs(1)) is None


def test_threads_are_told_apart_by_their_names_and_the_rest_adds_up() -> None:
    found = by_part({"av:h264:df": 3.0, "decode": 1.0, "engine": 2.0, "python": 0.5}, 7.0)
    assert found[PARTS["av:"]] == 3.0
    assert found[PARTS["decode"]] == 1.0
    assert found["start-up, event loop, closing"] == 1.0
    assert sum(found.values()) == 7.0


@pytest.mark.parametrize(
    ("name", "shown"),
    [("engine", "engine"), ("av:h264:df12", "av:h264:df"), ("a (b) c", "a (b) c"), ("asyncio_0", "asyncio")],
)
def test_a_line_of_proc_gives_name_and_seconds(name: str, shown: str) -> None:
    line = f"4711 ({name}) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 1 0"
    assert parse_stat(line, 100) == (shown, 2.0)


def test_a_process_that_has_ended_is_passed_over() -> None:
    times = ThreadTimes()
    times.look(2**22 + 1)
    assert times.cpu_seconds == {}
