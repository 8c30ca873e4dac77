"""What comes into question instead of full-size flow."""

import numpy as np
import pytest

from benchmarks.agreement import Track
from benchmarks.finalists import with_motion
from benchmarks.flow import FINALISTS, OURS, candidates
from stream_processor.records import PaneScore, Sum
from tests.benchmarks.test_movement import scene


def test_every_candidate_has_a_name_of_its_own() -> None:
    names = [each.name for each in candidates()]
    assert len(names) == len(set(names))
    assert OURS in names


def test_every_candidate_measures_movement_and_none_where_there_is_none() -> None:
    for each in candidates():
        assert each.measure(scene(0), scene(2)) > each.measure(scene(0), scene(0)), each.name
        assert each.measure(scene(0), scene(0)) == pytest.approx(0, abs=0.05), each.name


def test_finalists_are_candidates() -> None:
    assert set(FINALISTS) <= {each.name for each in candidates()}


def test_motion_is_replaced_pane_by_pane() -> None:
    # pairs at   0.2 0.4   1.0   –     of half a height per second each
    # panes      0         1     2
    panes = [PaneScore(0, n, float(n), 1.0, {"motion": Sum(9.0, 5), "loudness": Sum(1.0, 2)}) for n in range(3)]
    found = with_motion(panes, Track(np.array([0.2, 0.4, 1.0]), np.array([0.5, 0.5, 0.5])))
    assert [pane.signals.get("motion") for pane in found] == [Sum(1.0, 2), Sum(0.5, 1), None]
    assert all(pane.signals["loudness"] == Sum(1.0, 2) for pane in found)
