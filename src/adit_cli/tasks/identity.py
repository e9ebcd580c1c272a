"""The key of a task: a hash of all that determines its result, so that the same work is done once."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import assert_never

from adit_cli.jobfile.archive import Archive
from adit_cli.jobfile.job import Job
from adit_cli.jobfile.node import FolderNode, ServerNode, label
from adit_cli.tasks.questions import Question
from adit_cli.tasks.scope import Scope
from adit_cli.tasks.task import TransferTask
from adit_cli.tasks.wishes import Wish

FORM = 1
"""Raised when the program's own doing changes a result: all tasks are new then."""


class TaskKeys:
    """Makes the keys of one job's tasks; what they have in common is read once."""

    def __init__(self, job: Job, key: bytes) -> None:
        deid = job.deid
        self._secret = key
        secret = hmac.digest(key, b"adit task key", "sha256").hex() if deid.profile != "none" else ""
        self._common = {
            "form": FORM,
            "source": list(job.source),
            "destinations": sorted(_place(job, name) for name in job.destinations),
            "series": job.select.series.model_dump_json(),
            "deidentify": deid.model_dump_json(exclude={"evidence"}),
            "trial": job.trial.model_dump_json() if job.trial else "",
            "key": secret,
        }
        if deid.evidence:  # what was done without taking notes is done again
            self._common["evidence"] = True
        self._naming = job.pseudonyms.model_dump_json() if job.pseudonyms else ""

    def key_of(self, task: TransferTask) -> str:
        """Return the key for a task that has none yet."""
        own = {
            "study": task.study_uid,
            "only": list(task.series_uids),
            "pseudonym": task.pseudonym,
        }
        text = json.dumps({**self._common, **own}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def digest_of(self, scope: Scope) -> str:
        """Return a hash of what the job asks for and all that determines what comes of it.

        With the job's key, since the questions name patients.
        """
        digest = hmac.new(self._secret, json.dumps([self._common, self._naming]).encode(), "sha256")
        digest.update(scope.exclusion.digest.encode())
        for batch in scope.batches:
            digest.update(f"{batch.label}\0".encode())
            for question in batch.questions:
                asked = question.asked if isinstance(question, Wish) else question
                digest.update(f"{asked}\0{_extra(question)}\0".encode())
        return digest.hexdigest()


def _extra(question: Question) -> str:
    """Return what of a question is not in its asking: the rows of a wish."""
    return str([(row.number, row.series_uid) for row in question.rows]) if isinstance(question, Wish) else ""


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
    asked = {"manifest": node.manifest, "nifti": node.format == "nifti", "dicomdir": node.dicomdir}
    return [name for name, wanted in asked.items() if wanted]
