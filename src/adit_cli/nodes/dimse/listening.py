"""Take what a receiver needs for itself: a port to listen on, and the folder that it files into."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

from adit_cli.errors import UsageError
from adit_cli.nodes.dimse.port_holder import who_listens
from adit_cli.nodes.storage import make_private, storage_errors

BACKLOG = 64
_NO_ADDRESS = frozenset((errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT))
logger = logging.getLogger(__name__)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; UsageError says what is wrong with the address, or who holds the port."""
    host = host.strip("[]")
    is_v6 = ":" in host
    try:
        return socket.create_server(
            (host, port),
            family=socket.AF_INET6 if is_v6 else socket.AF_INET,
            backlog=BACKLOG,
            dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6(),
        )
    except (OSError, UnicodeError) as error:
        raise _not_listening(host, port, error) from error


def _not_listening(host: str, port: int, error: OSError | UnicodeError) -> UsageError:
    number = error.errno if isinstance(error, OSError) and error.errno is not None else -1
    if number < 0 or number in _NO_ADDRESS:  # negative are those of a name that nobody knows
        return UsageError(
            f"{host} is no address of this machine, so nothing can be received there.",
            hint="Name one that it has, or none to listen on all of them.",
        )
    return UsageError(
        f"Port {port} cannot be listened on: {os.strerror(number)}{who_listens(port)}.",
        hint="Choose another one, and have it registered where the images come from.",
    )


def plain_address(host: str) -> str:
    """Return an address as its owner knows it: an IPv6 socket shows those of IPv4 as `::ffff:10.1.2.3`."""
    address = ip_address(host)
    mapped = address.ipv4_mapped if address.version == 6 else None  # noqa: PLR2004 - IPv6
    return str(mapped or host)


@contextmanager
def alone_in(folder: Path) -> Generator[None]:
    """Keep a folder from other receivers, which would take what arrives for leftovers of one that died."""
    with storage_errors(str(folder), UsageError):
        make_private(folder)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise UsageError(
            f"Another receiver files into {folder}.", hint="Give each a folder of its own."
        ) from error
    except OSError as error:
        logger.debug("%s cannot be locked: %s", folder, error.strerror)
    try:
        yield
    finally:
        os.close(descriptor)
