"""What every model of a job file is made of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """What every model of a job file is: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
