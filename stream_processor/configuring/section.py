"""What every section of the settings is made of."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_DAY = 86400
Positive = Annotated[float, Field(gt=0, le=_DAY)]
NotNegative = Annotated[float, Field(ge=0, le=_DAY)]


def _can_be_a_path(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("must be a path: it has a NUL in it")
    return path


FilePath = Annotated[Path, AfterValidator(_can_be_a_path)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, coerce_numbers_to_str=True)
