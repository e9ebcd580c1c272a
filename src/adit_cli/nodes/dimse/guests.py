"""Who may call our receiver. An AE title is easily made up, so a known caller has an address as well."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

ANYONE = "*"


def _nobody() -> Iterable[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Guests:
    """Those that were let in by name: `AE_TITLE`, `AE_TITLE@host`, `@host`, `@network` or `*`."""

    accept: tuple[str, ...] = ()
    asked: Callable[[], Iterable[str]] = _nobody
    """Who is being asked to send something at this moment."""
    loopback: bool = True
    """Whether programs of this machine may call."""

    def welcome(self, calling: str, host: str) -> bool:
        """Return whether this AE title may call from this address."""
        if self.loopback and ip_address(host).is_loopback:
            return True
        return any(_fits(entry, calling, host) for entry in (*self.accept, *self.asked()))


EVERYONE = Guests((ANYONE,))


def _fits(entry: str, calling: str, host: str) -> bool:
    ae_title, at, place = entry.rpartition("@")
    if not at:
        return entry in {ANYONE, calling}
    return ae_title in {"", ANYONE, calling} and _is_at(place, host)


def _is_at(place: str, host: str) -> bool:
    try:
        return ip_address(host) in ip_network(place, strict=False)
    except ValueError:
        return host in _addresses(place)


def _addresses(name: str) -> set[str]:
    """Return the addresses of a host name; one that nobody knows has none."""
    try:
        found = socket.getaddrinfo(name.strip("[]"), None, type=socket.SOCK_STREAM)
    except OSError:
        return set()
    return {str(address[0]) for *_, address in found}
