"""What every model of a job file is made of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """What every model of a job file is: frozen, and an unknown key is an error.

    What checks it is built when first used: never in a worker, which gets models that were checked.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
