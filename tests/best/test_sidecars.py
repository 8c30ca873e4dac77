"""What is told of a best shot, chosen or not."""

import json
import math
from dataclasses import replace

from stream_processor.best.metadata import metadata
from stream_processor.best.sidecars import clip_id, describe_clip, describe_rejected, why
from stream_processor.clipping.sidecar import describe
from stream_processor.records import Clip
from tests.best.selections import imagined, selection

CLIP = Clip("clip_001.mp4", 9.04, 3.0, "h264", 1280, 720, 25.0, "aac", "exact", "clip_001.jpg")
CHOSEN = selection([imagined()], [(0, 10.0)], [(0, 30.0, "more than k = 1: raise -k")], notes={1: (("scene", "at a cut"),)})


def test_a_chosen_moment_with_its_clip() -> None:
    told = describe_clip(CHOSEN.chosen[0], imagined(), CLIP, parameters={"k": 1})
    assert told["filename"] == "clip_001.mp4"
    assert (told["start_time"], told["end_time"], told["peak_time"], told["peak_frame"]) == (9.0, 12.0, 10.0, 250)
    assert (told["clip_start_time"], told["clip_duration"]) == (9.04, 3.0)
    assert told["finishing"] == [{"step": "scene", "reason": "at a cut"}]
    assert told["reason"] == "motion 0.75, sharpness 0.25"


def test_a_penalty_counts_against_a_moment_and_comes_last() -> None:
    moment = replace(CHOSEN.chosen[0].moment, components={"exposure": 0.9, "sharpness": 0.25, "motion": math.nan})
    assert why(moment) == "sharpness 0.25, exposure −0.90"


def test_a_penalty_of_nothing_is_not_told() -> None:
    assert why(replace(CHOSEN.chosen[0].moment, components={"exposure": 0.004, "sharpness": 0.25})) == "sharpness 0.25"


def test_one_whose_clip_could_not_be_cut_says_why() -> None:
    told = describe_clip(CHOSEN.chosen[0], imagined(), None, parameters={}, clip_reason="the disk is full")
    assert (told["filename"], told["clip"], told["clip_reason"]) == (None, None, "the disk is full")


def test_names_are_those_of_a_live_highlight() -> None:
    own = {"rank", "peak_frame"}
    live = set(describe.__code__.co_consts) | {
        "finishing"
    }  # the keys of the mapping that it returns are among its constants, as a tuple or each for itself
    flat = {name for constant in live for name in (constant if isinstance(constant, tuple) else (constant,))}
    assert set(describe_clip(CHOSEN.chosen[0], imagined(), CLIP, parameters={})) - own <= flat


def test_one_that_was_not_taken_says_why_and_what_speaks_for_it() -> None:
    told = describe_rejected(CHOSEN.rejected[0], imagined())
    assert told["reason"] == "more than k = 1: raise -k"
    assert told["components"] == {"sharpness": 0.25, "motion": 0.75}


def test_an_id_stays_with_its_moment_under_any_name() -> None:
    moment = CHOSEN.chosen[0].moment
    assert clip_id(imagined(), moment) == clip_id(replace(imagined(), path=imagined("b.mp4").path), moment)
    assert clip_id(imagined(), moment) != clip_id(imagined(), replace(moment, frame=moment.frame + 1))


def test_all_of_it_is_json_without_nan() -> None:
    moment = replace(CHOSEN.chosen[0].moment, components={"sharpness": math.nan}, score=math.inf)
    told = describe_clip(replace(CHOSEN.chosen[0], moment=moment), imagined(), CLIP, parameters={"k": 1})
    whole = metadata(CHOSEN, [told], {"highlights/clip_001.mp4": "ab"})
    read = json.loads(json.dumps(whole, allow_nan=False))
    assert read["clips"][0]["components"] == {"sharpness": None}
    assert "parameters" not in read["clips"][0]
    assert read["parameters"] == {"best": {"k": 1}}
    assert [one["reason"] for one in read["rejected"]] == ["more than k = 1: raise -k"]
    assert read["files"] == {"highlights/clip_001.mp4": "ab"}
