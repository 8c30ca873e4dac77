"""What a channel counts never goes down, though each broadcast begins anew."""

from hypothesis import given
from hypothesis import strategies as st

from stream_processor.operations.counting import follow, totals
from stream_processor.status import ChannelStatus

numbers = st.integers(0, 1000)
reasons = st.dictionaries(st.sampled_from(["reset", "stalled"]), numbers)


@st.composite
def broadcasts(draw: st.DrawFn) -> ChannelStatus:
    status = ChannelStatus("one", "x", started_at=0.0)
    status.frames, status.windows, status.epochs = draw(numbers), draw(numbers), draw(numbers)
    status.stream_seconds = draw(st.floats(0, 1e6))
    status.reconnects_by_reason = draw(reasons)
    status.outcomes["written"] = draw(numbers)
    return status


@given(st.lists(broadcasts(), min_size=1, max_size=6))
def test_one_broadcast_after_the_other_only_adds(run: list[ChannelStatus]) -> None:
    before: dict[tuple[str, str], float] = {}
    shown = ChannelStatus("one", "x", started_at=0.0)
    for status in run:
        follow(status, shown)
        shown = status
        now = totals(shown)
        assert all(now[counted] >= number for counted, number in before.items())
        before = now
    assert before["frames", ""] == sum(status.frames for status in run)
    assert before["clips", "written"] == sum(status.outcomes["written"] for status in run)
    assert before.get(("reconnects", "reset"), 0) == sum(status.reconnects_by_reason.get("reset", 0) for status in run)
    assert before["broadcasts", ""] == sum(status.epochs > 0 for status in run)


def test_a_status_that_is_shown_again_is_not_counted_twice() -> None:
    status = ChannelStatus("one", "x", started_at=0.0, windows=3)
    follow(status, status)
    assert totals(status)["windows", ""] == 3
