"""Proxies between us and a service, as the environment names them (`https_proxy`, `no_proxy`)."""

from __future__ import annotations

import os
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from adit_cli.errors import TransientNodeError, UsageError


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy, and what it is told about us."""

    host: str
    port: int
    scheme: str
    """Of the servers that it is for."""
    headers: dict[str, str] = field(default_factory=dict[str, str], repr=False)

    @property
    def place(self) -> str:
        """Where it is."""
        return f"{self.host}:{self.port}"

    def refused(self, name: str, status: str) -> TransientNodeError:
        """Return the error for a proxy that does not lead to the server."""
        if status == "407":
            return TransientNodeError(
                f"{name} cannot be reached: the proxy wants a user and password.",
                hint=f"{self.scheme}_proxy names the proxy {self.place}: write http://user:password@host:port.",
            )
        return TransientNodeError(
            f"{name} cannot be reached: the proxy {self.place} answered {status or 'nothing usable'}.",
            hint="Except the server with no_proxy if it needs no proxy, or ask who runs the proxy.",
        )

    def unreachable(self, name: str) -> TransientNodeError:
        """Return the error for a proxy that isn't there."""
        return TransientNodeError(
            f"{name} is asked by the proxy {self.place}, which cannot be reached.",
            hint=f"Check {self.scheme}_proxy, or except the server with no_proxy.",
        )


def proxy_for(scheme: str, host: str, port: int) -> Proxy | None:
    """Return the proxy to go through; None where the environment names none, or excepts this host."""
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - slow to load, rarely needed

    proxies = getproxies()
    url = proxies.get(scheme) or proxies.get("all")
    if not url or proxy_bypass(f"{host}:{port}") or _is_in_network(host, proxies.get("no", "")):
        return None
    return _parsed(url, scheme)


def _is_in_network(host: str, excepted: str) -> bool:
    """Return whether no_proxy has a network such as 10.0.0.0/8 that an address is in, as curl reads it."""
    networks = [entry.strip() for entry in excepted.split(",") if "/" in entry]
    if not networks:
        return False
    from ipaddress import ip_address, ip_network  # noqa: PLC0415 - rarely needed

    try:
        address = ip_address(host)
    except ValueError:
        return False
    for network in networks:
        with suppress(ValueError):
            if address in ip_network(network, strict=False):
                return True
    return False


def _parsed(url: str, scheme: str) -> Proxy:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port or 80
    except ValueError:
        # Not chained: what it says may be a part of the password.
        raise _unusable(scheme, "it is no URL with host and port") from None
    if parts.scheme != "http" or not parts.hostname:
        raise _unusable(scheme, "only http:// proxies can")
    headers: dict[str, str] = {}
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = f"Basic {b64encode(user.encode()).decode()}"
    return Proxy(parts.hostname, port, scheme, headers)


def _unusable(scheme: str, why: str) -> UsageError:
    return UsageError(
        f"The proxy in {scheme}_proxy cannot be used: {why}.",
        hint="Write it as http://user:password@host:port, with %2F for / and %40 for @ in the password; or "
        "except the server with no_proxy.",
    )
