"""Archives as a destination's form, as the user wrote it."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from adit_cli.jobfile.strict import Strict


def _checked_password(password: SecretStr) -> SecretStr:
    text = password.get_secret_value()
    if not text or not text.isprintable():
        raise ValueError("must be one line of visible characters")
    return password


class Archive(Strict):
    """How studies are packed."""

    format: Literal["zip", "7z"] = Field(
        default="7z",
        description="On the way out; `7z`, and `zip` with a password, need the program `7zz`.",
        examples=["7z"],
    )
    password: Annotated[SecretStr, AfterValidator(_checked_password)] | None = Field(
        default=None,
        description="On the way out it encrypts with AES-256: `7z` hides the file names too, in `zip` they "
        "say nothing. On the way in it opens archives that are encrypted.",
        examples=["${ARCHIVE_PASSWORD}"],
    )
    per: Literal["study", "patient"] = Field(
        default="study",
        description="What goes into one archive: `StudyInstanceUID.7z`, or all studies in `PatientID.7z`.",
        examples=["patient"],
    )

    @property
    def secret(self) -> str:
        """The password as text; empty where there is none."""
        return self.password.get_secret_value() if self.password else ""

    @property
    def needs_program(self) -> bool:
        """Whether the standard library does not write these."""
        return self.format == "7z" or self.password is not None

    @model_validator(mode="after")
    def _says_something(self) -> Archive:
        if not self.model_fields_set & {"format", "password"}:
            raise ValueError("needs `format: zip` or `7z`, or for a source the `password` of its archives")
        return self

    @model_validator(mode="after")
    def _password_fits(self) -> Archive:
        if self.format == "zip" and self.password and not self.password.get_secret_value().isascii():
            raise ValueError("the password of a zip must be plain ASCII: programs read others differently")
        return self


def _from_format(value: object) -> object:
    return {"format": value} if isinstance(value, str) else value


ArchiveForm: TypeAlias = Annotated[
    Archive, BeforeValidator(_from_format, json_schema_input_type=Literal["zip", "7z"] | Archive)
]
"""An archive, or only its format."""
