"""diskcache's storage as JSON, without its way back to pickle."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUntypedBaseClass=false
# pyright: reportUnknownVariableType=false, reportMissingSuperCall=false, reportIncompatibleMethodOverride=false

from __future__ import annotations

from diskcache import JSONDisk
from diskcache.core import MODE_PICKLE


class JsonOnly(JSONDisk):
    """Refuses rows that say they are pickled, which JSONDisk itself never writes."""

    def fetch(self, mode: int, filename: str | None, value: object, read: bool) -> object:  # noqa: FBT001 - diskcache's signature
        """Return a value."""
        if mode == MODE_PICKLE:
            raise ValueError("a pickled value in the cache")
        return super().fetch(mode, filename, value, read)

    def get(self, key: object, raw: bool) -> object:  # noqa: FBT001 - diskcache's signature
        """Return a key."""
        if not raw:
            raise ValueError("a pickled key in the cache")
        return super().get(key, raw)
