"""The settings of ``main best``: how recordings are sampled, scored, chosen from and cut."""

from typing import Annotated, Literal

from pydantic import Field

from stream_processor.configuring.section import FilePath, Section

Weight = Annotated[float, Field(ge=0, le=1)]


class BestSettings(Section):
    k: Annotated[int, Field(ge=1, le=1000)] = 5
    """How many moments are wanted (-k)."""
    sample_fps: Annotated[float, Field(ge=2, le=5)] = 3.0
    max_sample_fps: Annotated[float, Field(ge=2, le=10)] = 5.0
    """Where motion is high."""
    sample_height: Annotated[int, Field(ge=180, le=1080, multiple_of=4)] = 720
    smooth_seconds: Annotated[float, Field(ge=0, le=60)] = 2.5
    min_separation_seconds: Annotated[float, Field(ge=0, le=3600)] = 5.0
    min_distance: Annotated[float, Field(ge=0, le=2)] = 0.12
    """Cosine distance of embeddings below which two moments are alike."""
    max_similar: Annotated[int, Field(ge=1, le=1000)] = 1
    """Of moments that are alike so many are taken."""
    min_score: Annotated[float, Field(ge=-1, le=1)] = 0.0
    pre_roll_seconds: Annotated[float, Field(ge=0, le=60)] = 1.0
    post_roll_seconds: Annotated[float, Field(ge=0, le=60)] = 2.0


class BestWeights(Section):
    aesthetics: Weight = 0.4
    sharpness: Weight = 0.3
    exposure: Weight = 0.2
    """Of the penalty: it counts against a frame."""
    prompt: Weight = 0.1
    motion: Weight = 0.0
    loudness: Weight = 0.0
    clarity: Weight = 0.0
    faces: Weight = 0.0
    likeness: Weight = 0.0


class BestClips(Section):
    crf: Annotated[int, Field(ge=0, le=51)] = 18
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"] = "veryfast"
    fade_seconds: Annotated[float, Field(ge=0, le=5)] = 0.05
    stabilise: Literal["none", "deshake", "vidstab"] = "none"
    colour: Literal["none", "normalise"] = "none"
    height: Annotated[int, Field(ge=0, le=4320)] = 0
    """0: as it is."""
    workers: Annotated[int, Field(ge=0, le=64)] = 0
    """Clips cut at the same time; 0: one for two cores."""


class AestheticsSettings(Section):
    head: FilePath | None = None


class FacesSettings(Section):
    model: FilePath | None = None
