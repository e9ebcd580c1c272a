"""The key of a task: a hash of all that determines its result, so that the same work is done once."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import assert_never

from adit_cli.jobfile.archive import Archive
from adit_cli.jobfile.job import Job
from adit_cli.jobfile.node import FolderNode, ServerNode, label
from adit_cli.tasks.task import TransferTask

FORM = 1
"""Raised when the program's own doing changes a result: all tasks are new then."""


class TaskKeys:
    """Makes the keys of one job's tasks; what they have in common is read once."""

    def __init__(self, job: Job, key: bytes) -> None:
        deid = job.deid
        secret = hmac.digest(key, b"adit task key", "sha256").hex() if deid.profile != "none" else ""
        self._common = {
            "form": FORM,
            "source": list(job.source),
            "destinations": sorted(_place(job, name) for name in job.destinations),
            "series": job.select.series.model_dump_json(),
            "deidentify": deid.model_dump_json(),
            "trial": job.trial.model_dump_json() if job.trial else "",
            "key": secret,
        }

    def key_of(self, task: TransferTask) -> str:
        """Return the key for a task that has none yet."""
        own = {
            "study": task.study_uid,
            "only": list(task.series_uids),
            "pseudonym": task.pseudonym,
        }
        text = json.dumps({**self._common, **own}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def _place(job: Job, name: str) -> str:
    """Return a destination by what it is: another folder under the same name is another result."""
    node = job.node(name)
    match node:
        case FolderNode(archive=Archive() as archive):
            form = [archive.format, archive.per, archive.password is not None]
            return json.dumps(["archive", str(node.folder), node.filing, *form, *_extras(node)])
        case FolderNode():
            return json.dumps(["folder", str(node.folder), node.filing, *_extras(node)])
        case ServerNode():
            return json.dumps(["server", label(node)])
        case _:
            assert_never(node)


def _extras(node: FolderNode) -> list[str]:
    """Return what is delivered beside the images; nothing keeps the keys of jobs that ask for nothing."""
    asked = {"manifest": node.manifest, "nifti": node.format == "nifti"}
    return [name for name, wanted in asked.items() if wanted]
