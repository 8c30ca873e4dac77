"""Several channels in a few lines."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from stream_processor.screen import overview
from stream_processor.screen.rates import Rate
from stream_processor.status import ChannelStatus
from tests.statuses import live

SOME_STATES = ["live", "reconnecting", "failed", "connecting", "waiting", "ended"]


def rows(channels: list[ChannelStatus], width: int = 100, height: int = 50, rates: Mapping[str, Rate] | None = None) -> list[str]:
    """Below the line of names."""
    return [line.plain for line in overview.rows(channels, rates or {}, width, height)[1:]]


def test_a_row_says_state_speed_lag_drops_ring_clips_and_the_curve() -> None:
    head, row, _ = (line.plain for line in overview.rows([live("x"), live("y")], {"x": Rate(1.0)}, 100, 9))
    assert head.split() == ["channel", "state", "speed", "lag", "dropped", "ring", "clips", "score"]
    numbers = row.rstrip("▁▂▃▄▅▆▇█ ")
    assert numbers.split() == ["▸x", "live", "1.0x", "1.3", "s", "12", "90", "s", "66", "MB", "1", "of", "2"]
    assert len(row) - len(numbers) == 40  # all that is left is the curve
    assert len(row) == 100


def test_a_recording_s_row_says_how_much_is_done() -> None:
    recording = live()
    recording.total_seconds = 1320.0
    assert "at 50%" in rows([recording, live("y")])[0]


def test_where_there_is_little_room_the_ring_goes_first_and_the_state_stays() -> None:
    widths: dict[str, int] = {}
    for width in range(30, 110):
        (head, *_) = overview.rows([live("x"), live("y")], {}, width, 9)
        for name in ("state", "dropped", "lag", "clips", "speed", "ring"):
            if name in head.plain:
                widths.setdefault(name, width)
    assert widths["state"] == 30
    assert widths["dropped"] < widths["lag"] < widths["clips"] < widths["speed"] < widths["ring"] < 90


def test_a_name_too_long_is_cut_in_the_middle_since_its_end_tells_it_from_others() -> None:
    row = rows([live("cdn.example-studio-index-12"), live("y")], 80)[0]
    assert row.startswith("▸cdn.exampl…ex-12 live")


def test_who_waits_says_what_for_in_place_of_the_curve() -> None:
    waiting, warm = live("a"), live("b")
    waiting.state, waiting.detail = "waiting", "offline"
    warm.curve.clear()
    warm.warmup_left_seconds = 21.4
    first, second = rows([waiting, warm])
    assert first.rstrip().endswith("  offline")
    assert second.rstrip().endswith("  warm-up 21 s")


def test_rows_stay_in_order_and_where_not_all_fit_trouble_and_new_highlights_stay() -> None:
    #  0 … 9, all live;  3 reconnects, 5 has failed, 7 drops, 9 has the newest highlight, 2 the next one
    channels = [live(f"c{number}") for number in range(10)]
    channels[3].state, channels[5].state = "reconnecting", "failed"
    channels[9].highlights[-1].opened_at, channels[2].highlights[-1].opened_at = 1500.0, 1400.0
    said = rows(channels, height=6, rates={"c7": Rate(1.0, 3), "c1": Rate(1.0, 0)})
    assert [line.split()[0].strip("▸") for line in said[:-1]] == ["c2", "c3", "c5", "c7", "c9"]
    assert said[-1].strip() == "… and 5 more"


def test_what_is_wrong_with_those_that_do_not_fit_is_counted() -> None:
    channels = [live(f"c{number}") for number in range(6)]
    for channel in channels[:4]:
        channel.state = "reconnecting"
    channels[5].state = "ended"
    assert rows(channels, height=3)[-1].strip() == "… and 4 more, 2 reconnecting, 1 ended"
    all_drop = {f"c{number}": Rate(1.0, 1) for number in range(6)}
    assert rows([live(f"c{number}") for number in range(6)], height=3, rates=all_drop)[-1].strip() == "… and 4 more, 4 dropping"


def test_the_title_counts_the_states() -> None:
    channels = [live("a"), live("b"), live("c")]
    channels[1].state = "waiting"
    assert overview.title(channels, 1700.0, 60).plain == " 3 channels   2 live   1 waiting".ljust(54) + " 11:40"


def test_the_newest_highlight_counts_by_when_it_opened_and_without_any_who_is_live() -> None:
    ended, early, late = live("ended"), live("early"), live("late")
    late.highlights[-1].opened_at = 9000.0
    assert overview.newest([ended, early, late]) is late
    for channel in (ended, early, late):
        channel.highlights.clear()
    ended.state = "ended"
    assert overview.newest([ended, early, late]) is early


@pytest.mark.parametrize("drops", [0, 99_999, 100_000, 12_345_678])
@given(st.integers(1, 60), st.integers(1, 220), st.integers(0, 70), st.lists(st.sampled_from(SOME_STATES), max_size=8))
def test_rows_take_no_more_room_than_they_are_given(drops: int, number: int, width: int, height: int, states: list[str]) -> None:
    channels = [ChannelStatus(f"名前 channel {place}", "x", 0.0, frames_dropped=drops) for place in range(number)]
    for channel, state in zip(channels, states, strict=False):
        channel.state = state  # type: ignore[assignment]
        channel.detail = "something\x1b to say"
    lines = [*overview.rows(channels, {}, width, height), overview.title(channels, 5.0, width)]
    assert len(lines) <= height + 2
    assert max(cell_len(line.plain) for line in lines) <= width
