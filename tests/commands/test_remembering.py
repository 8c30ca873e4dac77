"""Kept saliency leads to the very decisions that computing it again leads to."""

from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processor.commands.remembering import Remembering
from stream_processor.commands.replay import decide_again, normaliser_of
from stream_processor.records import Sum, replace
from stream_processor.settings import Settings
from tests.commands.test_lets_in import recorded, settings_with
from tests.commands.test_replay import stream


@settings(max_examples=15, deadline=None)
@given(
    bursts=st.lists(st.integers(0, 250), max_size=4),
    later=st.lists(st.integers(0, 100), max_size=2),
    screen=st.tuples(st.integers(0, 250), st.integers(0, 60)),
    min_rise=st.floats(0, 1),
    percentile=st.floats(50, 99),
)
def test_with_other_peaks_it_is_decided_as_from_the_beginning(
    bursts: list[int], later: list[int], screen: tuple[int, int], min_rise: float, percentile: float
) -> None:
    """Over two epochs, and a waiting screen in the first, perhaps in its warm-up."""
    first = [
        replace(pane, signals={**pane.signals, "nuisance": Sum(1.0, 1)}) if screen[0] <= pane.number < sum(screen) else pane
        for pane in stream(260, bursts)
    ]
    run = recorded([*first, *stream(110, later, epoch=1, start=300.0)], Settings())
    saliency = Remembering(normaliser_of(Settings()))
    decide_again(run, Settings(), saliency)
    other = settings_with(min_rise=min_rise, percentile=percentile)
    for _ in range(2):
        assert repr(decide_again(run, other, saliency.again())) == repr(decide_again(run, other))  # NaN is not NaN
