"""Make sure that this machine's receiver runs while somebody moves studies to it.

One that was started with `adit receive` serves every job. Where there is none, a process of its own is
started that ends when nobody uses it any more: it belongs to no job, since others may rely on it by then.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys

from adit_cli.errors import ReceiverError, TransientNodeError
from adit_cli.jobfile.receiver import Order
from adit_cli.nodes.inbox import Inbox, Lock, Served

_PROGRAM = "adit_cli.nodes.dimse.resident"


class Standby:
    """The receiver behind an inbox, started when it is first needed."""

    def __init__(self, order: Order) -> None:
        self.inbox = Inbox(order.inbox)
        self._order = order
        self._use: Lock | None = None

    def ready(self) -> Served:
        """Return the receiver, which then runs until `close`; ReceiverError where there can be none."""
        self._use = self._use or self.inbox.use()
        served = self.inbox.served()
        if served is None:
            _start(self._order)
            served = self.inbox.served()
        if served is None:
            raise TransientNodeError("Our receiver for C-MOVE ended as soon as it had started.")
        return served

    def close(self) -> None:
        """Use it no longer."""
        if self._use is not None:
            self._use.close()
            self._use = None


def _start(order: Order) -> None:
    """Start a receiver that outlives us, and wait until it listens; another one may be quicker."""
    done = subprocess.run(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", _PROGRAM],
        input=pickle.dumps(order),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        check=False,
    )
    if not done.stdout:
        raise ReceiverError("Our receiver for C-MOVE did not start.", hint="`adit receive` shows why.")
    word = json.loads(done.stdout)
    if word:
        said = f"C-MOVE needs a receiver on this machine: {word['message']}"
        raise ReceiverError(said, hint=word["hint"])
