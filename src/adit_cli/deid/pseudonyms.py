"""Names for patients that say nothing about them."""

from __future__ import annotations

import base64
import hmac
import secrets

from adit_cli.deid.uids import subkey

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
"""That of base32: letters and digits that nobody confuses when reading them out."""


def keyed_pseudonym(key: bytes, issuer: str, patient_id: str, prefix: str = "", length: int = 12) -> str:
    """Return the patient's pseudonym under the key, the same in every job; a patient is issuer and ID."""
    return prefix + code(subkey(key, "pseudonym"), patient_identity(issuer, patient_id), length)


def random_pseudonym(prefix: str = "", length: int = 12) -> str:
    """Return a pseudonym that nothing links to a patient but the record of the job that drew it."""
    return prefix + "".join(secrets.choice(ALPHABET) for _ in range(length))


def patient_identity(issuer: str, patient_id: str) -> bytes:
    """Return issuer and ID as one value that no other pair has."""
    return f"{issuer.strip()}\0{patient_id.strip()}".encode()


def code(key: bytes, value: bytes, length: int) -> str:
    """Return up to 51 letters and digits made from a value, not to be had back without the key."""
    return base64.b32encode(hmac.digest(key, value, "sha256")).decode()[:length]
