import pydicom.charset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adit_cli.dicom.text import codec_of, decode_text, encode_text


def test_japanese_name_of_the_standard_is_decoded() -> None:
    raw = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"

    assert decode_text(raw, ["", "ISO 2022 IR 87"]) == "Yamada^Tarou=山田^太郎=やまだ^たろう"


def test_japanese_name_with_katakana_is_decoded() -> None:
    raw = b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3="
    raw += b"\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J"

    assert decode_text(raw, ["ISO 2022 IR 13", "ISO 2022 IR 87"]) == "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"


def test_korean_name_of_the_standard_is_decoded() -> None:
    raw = b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf"

    assert decode_text(raw, ["", "ISO 2022 IR 149"]) == "Hong^Gildong=洪^吉洞=홍^길동"


def test_chinese_name_with_escapes_is_decoded() -> None:
    raw = b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab="

    assert decode_text(raw, ["", "ISO 2022 IR 58"]) == "Zhang^XiaoDong=张^小东="


def test_delimiter_ends_what_an_escape_sequence_began() -> None:
    raw = b"\x1b-F\xc4\xe9\xef^\xc4"

    assert decode_text(raw, ["ISO 2022 IR 100", "ISO 2022 IR 126"]) == "Διο^Ä"


def test_gb18030_may_hold_a_backslash_byte_in_a_character() -> None:
    assert decode_text("张=誠\\李".encode("gb18030"), ["GB18030"]) == "张=誠\\李"


@pytest.mark.parametrize(
    "term",
    ["GB18030", "GBK", *(f"ISO_IR {n}" for n in (100, 101, 109, 110, 144, 127, 126, 138, 148, 13, 166, 192))],
)  # fmt: skip
def test_terms_mean_what_pydicom_says_they_mean(term: str) -> None:
    raw = b"A" + bytes((0xC4, 0xB1, 0xD7, 0xA3))

    ours = raw.decode(codec_of(term), "replace")

    assert ours == raw.decode(pydicom.charset.python_encoding[term], "replace")


@given(
    st.binary(),
    st.lists(st.sampled_from(["", "ISO 2022 IR 87", "ISO 2022 IR 149", "ISO_IR 192", "X"]), max_size=2),
)
def test_no_bytes_stop_the_decoder(raw: bytes, terms: list[str]) -> None:
    assert isinstance(decode_text(raw, terms), str)


@given(st.text(st.characters(exclude_characters="\x1b", exclude_categories=["Cs"])))
def test_encoded_text_is_decoded_to_itself(text: str) -> None:
    raw, term = encode_text(text)

    assert decode_text(raw, [term]) == text


def test_undeclared_text_is_taken_for_utf8_or_else_latin1() -> None:
    assert decode_text("Müller".encode()) == "Müller"
    assert decode_text("Müller".encode("latin_1")) == "Müller"
