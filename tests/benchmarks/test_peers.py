"""What is made of the other programs' costs."""

from benchmarks.paired import Cost
from benchmarks.peers import COLUMNS, OURS, rows
from benchmarks.report import Spread


def test_costs_are_told_for_a_minute_of_stream_and_as_multiples_of_ours_round_by_round() -> None:
    costs = {OURS: [Cost(2.0, 4.0, 300.0), Cost(2.0, 5.0, 310.0)], "other": [Cost(3.0, 8.0), Cost(3.0, 5.0)]}
    ours, other = rows(costs, seconds=30)
    assert len(ours) == len(other) == len(COLUMNS)
    assert ours[1] == Spread.of([8.0, 10.0])
    assert (ours[3], ours[4]) == (Spread.of([1.0, 1.0]), 310.0)
    assert other[3] == Spread.of([2.0, 1.0])
    assert other[4] is None
