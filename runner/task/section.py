"""What every table of the task file is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of the file: no unknown keys, no value turned into another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
