"""The settings of ``main best``: how recordings are sampled, scored, chosen from and cut."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from stream_processor.configuring.section import FilePath, Section

Weight = Annotated[float, Field(ge=0, le=1)]


class BestSettings(Section):
    k: Annotated[int, Field(ge=1, le=1000)] = 5
    """How many moments are wanted (-k)."""
    sample_fps: Annotated[float, Field(ge=2, le=5)] = 3.0
    """Frames that are scored per second, where little moves."""
    max_sample_fps: Annotated[float, Field(ge=2, le=10)] = 5.0
    """And where much does."""
    busy_change: Annotated[float, Field(ge=0, le=1)] = 0.03
    """How much of full scale the picture must change from one frame to the next for that; 0: everywhere."""
    sample_height: Annotated[int, Field(ge=180, le=1080, multiple_of=4)] = 720
    """At which sharpness and exposure are measured."""
    smooth_seconds: Annotated[float, Field(ge=0, le=60)] = 2.5
    min_separation_seconds: Annotated[float, Field(ge=0, le=3600)] = 5.0
    """Between the peaks of two clips of one video."""
    min_distance: Annotated[float, Field(ge=0, le=2)] = 0.12
    """Cosine distance of embeddings below which two moments are alike."""
    light_min_distance: Annotated[float, Field(ge=0, le=2)] = 0.05
    """The same where looks are light descriptors, without CLIP. Measured on film, animation and games: of two frames of one shot,
    a second or more apart, 95 % are nearer than 0.034; of two of different shots in films 75 % are further apart than 0.08."""
    max_similar: Annotated[int, Field(ge=1, le=1000)] = 1
    """Of moments that are alike so many are taken."""
    min_score: Annotated[float, Field(ge=-1, le=1)] = 0.0
    pre_roll_seconds: Annotated[float, Field(ge=0, le=60)] = 1.0
    post_roll_seconds: Annotated[float, Field(ge=0, le=60)] = 2.0
    min_seconds: Annotated[float, Field(gt=0, le=120)] = 3.0
    max_seconds: Annotated[float, Field(gt=0, le=120)] = 7.0
    """What finishing and the ends of a video make of a clip stays between these."""
    finishing: tuple[str, ...] = ("scene", "speech")
    """Steps that move a clip's boundaries, in this order; as ``finishing.steps``."""
    cache: FilePath | None = None
    """Where scores are kept for the next run; None: the user's cache folder."""
    cache_max_mb: Annotated[float, Field(ge=0)] = 2000.0
    """What they may take; the oldest go first."""

    @model_validator(mode="after")
    def _fit_together(self) -> "BestSettings":
        if self.max_sample_fps < self.sample_fps:
            raise ValueError(
                f"best.max_sample_fps = {self.max_sample_fps:g} must be at least best.sample_fps = {self.sample_fps:g}"
            )
        planned = self.pre_roll_seconds + self.post_roll_seconds
        if not self.min_seconds <= planned <= self.max_seconds:
            raise ValueError(
                f"best.pre_roll_seconds + best.post_roll_seconds = {planned:g} must lie between best.min_seconds = "
                f"{self.min_seconds:g} and best.max_seconds = {self.max_seconds:g}"
            )
        return self


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
    likeness: Weight = 0.4
    """Counts where --like names something to be like."""

    @model_validator(mode="after")
    def _something_counts(self) -> "BestWeights":
        if not any(weight > 0 for name, weight in self if name != "exposure"):
            raise ValueError("every weight but the penalty's (exposure) is 0: at least one must be above")
        return self


class BestClips(Section):
    crf: Annotated[int, Field(ge=0, le=51)] = 18
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"] = "veryfast"
    fade_seconds: Annotated[float, Field(ge=0, le=5)] = 0.05
    stabilise: Literal["none", "deshake", "vidstab"] = "none"
    colour: Literal["none", "normalise"] = "none"
    height: Annotated[int, Field(ge=0, le=4320)] = 0
    """Of the picture as it is shown, in pixels; 0: as it is."""
    workers: Annotated[int, Field(ge=0, le=64)] = 0
    """Clips cut at the same time; 0: one for two cores."""


class AestheticsSettings(Section):
    head: FilePath | None = None
    """LAION's file for the CLIP model in use, or one of your own for it; None: LAION's is fetched once and kept."""


class FacesSettings(Section):
    model: FilePath | None = None
    """UltraFace's ONNX file; None: faces do not count."""
