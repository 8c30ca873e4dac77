"""Reports: tables for people, figures for programs."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.report import Report, Spread, Table, as_json, cell, machine, machine_line, markdown

TABLE = Table("Costs", ["what", "CPU, s", "ratio", "peak, MB"], [["ours", 12.3456, Spread(1.2345, 1.1, 1.4, 5), None]])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        ("a|b", "a\\|b"),
        (7, "7"),
        (0.0, "0"),
        (float("nan"), "nan"),
        (0.00012345, "0.000123"),
        (0.12345, "0.123"),
        (1.2345, "1.23"),
        (18.3, "18.3"),
        (1234.5, "1234"),
        (Spread(1.5, 1.25, 2.0, 3), "1.50 (1.25–2.00)"),
        (Spread(1.5, 1.5, 1.5, 1), "1.50"),
    ],
)
def test_a_cell_has_three_significant_digits(value: object, text: str) -> None:
    assert cell(value) == text  # type: ignore[arg-type]


@given(st.floats(0.001, 1e6))
def test_what_a_cell_shows_is_within_half_a_percent(value: float) -> None:
    assert float(cell(value)) == pytest.approx(value, rel=0.0051)


def test_a_report_reads_as_markdown() -> None:
    text = markdown(Report("Floor", [TABLE], ["In turn."]))
    assert text == (
        "## Floor\n\n**Costs**\n\n"
        "| what | CPU, s | ratio | peak, MB |\n|---|---|---|---|\n| ours | 12.3 | 1.23 (1.10–1.40) | – |\n\n"
        "- In turn.\n"
    )


def test_json_keeps_all_digits_and_the_samples() -> None:
    kept = json.loads(json.dumps(as_json(Report("Floor", [TABLE], raw={"samples": [1.1, 1.4]}))))
    assert kept["tables"][0]["rows"] == [["ours", 12.3456, {"median": 1.2345, "least": 1.1, "most": 1.4, "count": 5}, None]]
    assert kept["raw"] == {"samples": [1.1, 1.4]}


def test_a_row_that_does_not_fit_its_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="a row of 1 cells under 2 columns"):
        Table("Costs", ["what", "CPU, s"], [["ours"]])


def test_a_spread_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        Spread.of([])


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_a_median_lies_between_least_and_most(values: list[float]) -> None:
    spread = Spread.of(values)
    assert spread.least <= spread.median <= spread.most
    assert spread.count == len(values)


def test_the_machine_is_told_by_what_it_is_and_not_by_its_name() -> None:
    facts = machine()
    assert facts["cores"] >= 1
    assert "numpy" in facts["versions"]
    assert "cores" in machine_line(facts)
    assert set(facts) == {"processor", "cores", "memory_mb", "system", "python", "versions"}
