"""What goes wrong on the way to a service and back, as errors a user can act on."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from http.client import HTTPException

from adit_cli.errors import NodeError, Reason, TransientNodeError
from adit_cli.nodes.dicomweb.failures import malformed
from adit_cli.nodes.dicomweb.proxy import Proxy
from adit_cli.nodes.dicomweb.tls import BROKEN_OFF, timed_out, tls_error

_TUNNEL = re.compile(r"Tunnel connection failed: (\d*)")
"""How the standard library says that a proxy did not open the way."""


@contextmanager
def network_errors(name: str, doing: str, patience: float, proxy: Proxy | None = None) -> Generator[None]:
    """Translate what the standard library raises while `doing` something with a service."""
    try:
        yield
    except (ConnectionRefusedError, socket.gaierror, UnicodeError) as error:
        raise (proxy.unreachable(name) if proxy else _unreachable(name, doing, error)) from error
    except ssl.SSLError as error:
        raise tls_error(name, error) from error
    except TimeoutError as error:
        raise timed_out(name, patience, doing) from error
    except ConnectionError as error:
        raise _unreachable(name, doing, error) from error
    except HTTPException as error:
        raise malformed(name, doing, "something that is not whole HTTP") from error
    except OSError as error:
        if proxy and (said := _TUNNEL.match(str(error))):
            raise proxy.refused(name, said[1]) from error
        raise _unreachable(name, doing, error) from error


def _unreachable(name: str, doing: str, error: OSError | UnicodeError) -> NodeError:
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return TransientNodeError(
            f"The host of {name} has no known address.", hint="Check the URL's host name."
        )
    if isinstance(error, ConnectionRefusedError):
        return TransientNodeError(
            f"{name} refused the connection.", hint="Check host and port, and whether the server runs."
        )
    if isinstance(error, ConnectionError):
        message = f"{name} broke off the connection during {doing}."
        return TransientNodeError(message, hint=BROKEN_OFF, reason=Reason.INCOMPLETE)
    why = error.strerror or "the way there is blocked"
    return TransientNodeError(f"{name} cannot be reached: {why}.", hint="Check network, firewall and proxy.")
