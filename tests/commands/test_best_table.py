"""What is said at the end: times as people write them, and which take is best by what."""

import numpy as np
import pytest

from stream_processor.best.choosing import Weighing, score, select
from stream_processor.best.settings import BestSettings
from stream_processor.commands.best_table import clock, print_selection
from tests.best.tapes import tape


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0:00.0"), (59.96, "1:00.0"), (61.25, "1:01.2"), (3723.4, "1:02:03.4"), (36000, "10:00:00.0")]
)
def test_times_are_said_as_people_write_them(seconds: float, said: str) -> None:
    assert clock(seconds) == said


def test_the_best_take_is_said_with_what_it_leads_by(capsys: pytest.CaptureFixture[str]) -> None:
    curve = np.abs(np.sin(np.arange(100) / 8))
    worse = tape({"sharpness": np.exp(curve * 3).tolist(), "exposure": [0.5] * 100}, name="take1.mp4")
    better = tape({"sharpness": np.exp(curve * 3 + 2).tolist(), "exposure": [0.5] * 100}, name="take2.mp4")
    weighing = Weighing({"sharpness": 0.3, "exposure": 0.2}, "light")
    tables, notes = score([worse, better], weighing, BestSettings(k=2))
    selection = select(tables, weighing, BestSettings(k=2), {}, notes)
    print_selection(selection, ["clip_001.mp4", None])
    out = capsys.readouterr().out
    assert "not cut" in out
    lines = out.splitlines()
    assert lines[-1].startswith("Best take: take2.mp4, by its sharpness (+0.")
    assert lines[-3].startswith("take2.mp4: 0.")
    assert lines[-2].startswith("take1.mp4: ")
