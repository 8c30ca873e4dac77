"""The table of one video's frames."""

import csv
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.best.timeline_csv import number, write
from tests.best.selections import imagined, selection


def test_each_frame_has_its_row_and_each_peak_its_mark(tmp_path: Path) -> None:
    made = selection([imagined("a.mp4"), imagined("b.mp4")], [(1, 10.0), (0, 20.0)], [(0, 30.0, "too like clip 2, or so")])
    write(tmp_path / "a.csv", made.tables[0], made, 0)
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()))
    table = made.tables[0].table
    assert [float(row["time"]) for row in rows] == pytest.approx(table.times.tolist(), abs=1e-6)
    assert [int(row["frame"]) for row in rows] == table.frames.tolist()
    assert [float(row["component_motion"]) for row in rows] == pytest.approx(table.signals["motion"].tolist(), abs=1e-6)
    assert {row["chosen"]: float(row["time"]) for row in rows if row["chosen"]} == {"2": pytest.approx(20.0, abs=0.2)}
    assert [row["rejected"] for row in rows if row["rejected"]] == ["too like clip 2, or so"]


def test_what_was_not_measured_is_empty(tmp_path: Path) -> None:
    made = selection([imagined()], [])
    nothing = np.full(len(made.tables[0].scores), np.nan)
    write(tmp_path / "a.csv", replace(made.tables[0], smoothed=nothing), made, 0)
    assert {row["smoothed"] for row in csv.DictReader((tmp_path / "a.csv").read_text().splitlines())} == {""}


@given(st.floats(-1e9, 1e9))
def test_numbers_have_a_point_and_nothing_else(value: float) -> None:
    text = number(value)
    assert set(text) <= set("-0123456789.")
    assert math.isclose(float(text), value, abs_tol=5.1e-7)
