"""What every task of a job needs, as one value that crosses to a worker process."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from adit_cli.deid.profile import Profile, compile_profile
from adit_cli.jobfile.job import Job
from adit_cli.jobfile.receiver import Order, order_of
from adit_cli.tasks.series import SeriesFilter, series_filter


@dataclass(frozen=True)
class Work:
    """The job, its secret, and where files wait. What is derived from them is made once in each process."""

    job: Job
    key: bytes = field(repr=False)
    spool: Path
    inbox: Path | None = None
    """Where the machine's receiver puts what C-MOVE brings; None where nothing may come that way."""

    @property
    def receiver(self) -> Order | None:
        """Return what the receiver is to be, should the job need it."""
        if self.inbox is None:
            return None
        return order_of(self.inbox, self.job.receiver, self.job.calling_ae_title)

    @property
    def index(self) -> Path:
        """Return where the processes of a run share what they saw in source folders."""
        return self.spool.parent / "index"

    @property
    def evidence(self) -> Path | None:
        """Return where each task notes what it replaced; None where nobody asked for that."""
        return self.spool.parent / "evidence" if self.job.deid.evidence else None

    @cached_property
    def series(self) -> SeriesFilter:
        """What decides on the series of a study."""
        return series_filter(self.job)

    @cached_property
    def profile(self) -> Profile | None:
        """The de-identification, compiled; None where data sets leave byte for byte."""
        spec = self.job.deid
        if spec.profile == "none":
            return None
        trial = self.job.trial
        names = (trial.protocol_id, trial.protocol_name) if trial else ("", "")
        return compile_profile(spec, self.key, trial=names)
