"""Contact sheet, score graph and similarity: that they are there, of a sensible size, and that nothing is lost by thinning."""

import csv
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from stream_processor.best import contact_sheet, score_graph, similarity
from tests.best.selections import imagined, selection


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 12, 40])
def test_a_sheet_has_a_place_for_each_clip(tmp_path: Path, count: int) -> None:
    """Every picture's colour is found on the sheet, in rank order, row by row."""
    made = selection([imagined(lasts=300.0)], [(0, 5.0 + 7 * number) for number in range(count)])
    colours = [(250 - 5 * rank, 5 * rank, 100) for rank in range(1, count + 1)]
    sheet = contact_sheet.sheet(made, {rank: Image.new("RGB", (160, 90), colours[rank - 1]) for rank in range(1, count + 1)})
    wide = contact_sheet.columns(count)
    assert 1 <= wide <= 5
    assert 0.4 < sheet.width / sheet.height < 4
    pixels = np.asarray(sheet)[::4, ::4]
    middles = []
    for colour in colours:
        rows, columns = np.nonzero((pixels == colour).all(axis=2))
        middles.append((round(float(rows.mean())), round(float(columns.mean()))))
    assert middles == sorted(middles)
    assert len({row for row, _ in middles}) == -(-count // wide)


def test_a_thousand_clips_make_a_sheet_of_the_best(tmp_path: Path) -> None:
    """A JPEG can be 65 535 pixels high."""
    made = selection([imagined(lasts=9000.0)], [(0, 8.0 * rank) for rank in range(1, 1001)])
    small = contact_sheet.thumbnail(Image.new("RGB", (1080, 1920)), 1000)
    assert max(small.size) < 800
    contact_sheet.write(tmp_path / "sheet.jpg", made, dict.fromkeys(range(1, 1001), small))
    with Image.open(tmp_path / "sheet.jpg") as sheet:
        assert sheet.height < 20_000


def test_portrait_videos_are_shown_upright_and_whole() -> None:
    made = selection([imagined()], [(0, 5.0), (0, 15.0)])
    sheet = contact_sheet.sheet(made, {rank: Image.new("RGB", (90, 160), (250, 10, 10)) for rank in (1, 2)})
    rows, columns = np.nonzero((np.asarray(sheet) == (250, 10, 10)).all(axis=2))
    assert np.ptp(rows) > np.ptp(columns[columns < sheet.width / 2]) * 1.5


def test_a_clip_that_could_not_be_cut_leaves_no_hole() -> None:
    made = selection([imagined()], [(0, 5.0), (0, 15.0), (0, 25.0)])
    pictures = {rank: Image.new("RGB", (160, 90)) for rank in (1, 3)}
    alone = selection([imagined()], [(0, 5.0), (0, 15.0)])
    both = contact_sheet.sheet(alone, {rank: Image.new("RGB", (160, 90)) for rank in (1, 2)})
    assert contact_sheet.sheet(made, pictures).size == both.size


def test_umlauts_can_be_read() -> None:
    font = contact_sheet._font(20)
    nothing = bytes(font.getmask("\uffff"))
    assert all(bytes(font.getmask(letter)) != nothing for letter in "äÖßéñłЯλ…×–")


@given(st.text(max_size=60), st.integers(20, 400))
def test_a_name_is_never_wider_than_its_place(text: str, width: int) -> None:
    font = contact_sheet._font(15)
    words = contact_sheet.fitted(text.replace("\n", " ").replace("\r", " "), font, width)
    assert font.getlength(words) <= width or words == "…"


def test_the_graph_is_there_for_one_video_and_for_several(tmp_path: Path) -> None:
    for count in (1, 2):
        videos = [imagined(f"a{number}_$x$.mp4") for number in range(count)]
        made = selection(videos, [(0, 10.0)], [(0, 30.0 + number, "too like clip 1") for number in range(15)])
        score_graph.write(tmp_path / "scores.png", tmp_path / "scores.svg", made)
        with Image.open(tmp_path / "scores.png") as picture:
            assert picture.width == 1690
            assert picture.height > 700 * count * 0.9
        assert ElementTree.parse(tmp_path / "scores.svg").getroot().tag.endswith("svg")


@given(st.integers(0, 9000), st.integers(0, 8999))
def test_thinning_keeps_the_highest_and_the_lowest(count: int, spike: int) -> None:
    times = np.arange(count, dtype=np.float64)
    values = np.zeros(count)
    if spike < count:
        values[spike] = 5.0
    seen, kept = score_graph.thinned(times, values)
    assert len(seen) <= 3002
    assert (np.diff(seen) >= 0).all()
    assert (5.0 in kept) == (spike < count)


def test_what_was_not_measured_stays_a_gap() -> None:
    values = np.full(9000, np.nan)
    values[:100] = 1.0
    _, kept = score_graph.thinned(np.arange(9000.0), values)
    assert np.isnan(kept).any()
    assert np.isfinite(kept).any()


@pytest.mark.parametrize("lasts", [0.5, 9.0, 52.0, 600.0, 7200.0, 360_000.0])
def test_times_below_the_graph_are_round_and_few(lasts: float) -> None:
    step = score_graph.tick_seconds(lasts)
    assert step >= 1
    assert lasts / step <= 14


def test_similarity_as_a_table_and_as_a_picture(tmp_path: Path) -> None:
    made = selection([imagined(), imagined("b.mp4")], [(0, 10.0), (1, 20.0)], [(1, 65.0, "more than k")])
    similarity.write(tmp_path / "similarity.csv", tmp_path / "similarity.png", made)
    rows = list(csv.reader((tmp_path / "similarity.csv").read_text(encoding="utf-8").splitlines()))
    assert rows[0] == ["", "#1 0:10.0 a", "#2 0:20.0 b", "1:05.0 b"]
    assert [[float(value) for value in row[1:]] for row in rows[1:]] == made.similarity.tolist()
    with Image.open(tmp_path / "similarity.png") as picture:
        assert picture.width > 400


def test_a_selection_of_nothing_has_a_table_and_no_picture(tmp_path: Path) -> None:
    similarity.write(tmp_path / "similarity.csv", tmp_path / "similarity.png", selection([imagined()], []))
    assert [path.name for path in tmp_path.iterdir()] == ["similarity.csv"]
