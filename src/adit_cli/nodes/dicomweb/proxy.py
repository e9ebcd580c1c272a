"""Proxies between us and a service, as the environment names them (`https_proxy`, `no_proxy`)."""

from __future__ import annotations

import os
from base64 import b64encode
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

    def unreachable(self, name: str) -> TransientNodeError:
        """Return the error for a proxy that isn't there."""
        return TransientNodeError(
            f"{name} is asked by the proxy {self.host}:{self.port}, which cannot be reached.",
            hint=f"Check {self.scheme}_proxy, or except the server with no_proxy.",
        )


def proxy_for(scheme: str, host: str) -> Proxy | None:
    """Return the proxy to go through; None where the environment names none, or excepts this host."""
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - slow to load, rarely needed

    proxies = getproxies()
    url = proxies.get(scheme) or proxies.get("all")
    if not url or proxy_bypass(host):
        return None
    return _parsed(url, scheme)


def _parsed(url: str, scheme: str) -> Proxy:
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme != "http" or not parts.hostname:
        raise UsageError(
            f"The proxy in {scheme}_proxy cannot be used: only http:// proxies can.",
            hint="Write it as http://host:port, or except the server with no_proxy.",
        )
    headers: dict[str, str] = {}
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = f"Basic {b64encode(user.encode()).decode()}"
    return Proxy(parts.hostname, parts.port or 80, scheme, headers)
