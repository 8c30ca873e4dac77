"""What became of a highlight, as it is counted: every way to end has one name, and every name is in the metrics."""

from typing import get_args

import pytest

from stream_processor.clipping.clip_outcome import Loss, Outcome
from stream_processor.status import CLIP_OUTCOMES
from tests.clipping.test_sidecar import CLIP


def test_a_clip_is_written_or_incomplete() -> None:
    assert Outcome("a", CLIP, None).kind == "written"
    assert Outcome("a", CLIP, "its end is missing").kind == "incomplete"


@pytest.mark.parametrize("loss", get_args(Loss))
def test_a_loss_is_counted_by_what_it_was_lost_by(loss: Loss) -> None:
    assert Outcome("a", None, "why", loss).kind == f"lost_{loss}"


def test_a_highlight_of_which_no_file_was_to_be_kept_is_no_loss() -> None:
    assert Outcome("a", None, "ranked 7th of the last hour", is_wanted=False).kind == "not_kept"


def test_each_outcome_is_told_to_prometheus_from_the_start() -> None:
    assert set(CLIP_OUTCOMES) == {"written", "incomplete", "not_kept", *(f"lost_{loss}" for loss in get_args(Loss))}
