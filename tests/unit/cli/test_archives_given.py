"""`adit send` and `adit deid` take archives as they take folders."""

from __future__ import annotations

from adit_cli.nodes.nested import DEEPEST
from tests.support.builders import BuiltStudy, file_tree
from tests.support.commandline import CommandLine
from tests.support.packing import pack, packed_up


def as_files(study: BuiltStudy) -> dict[str, bytes]:
    return {f"images/{number}": path.read_bytes() for number, path in enumerate(study.files)}


def test_an_archive_is_sent_like_a_folder(adit: CommandLine, thorax: BuiltStudy) -> None:
    pack(adit.folder / "discs" / "one.zip", {**as_files(thorax), "readme.txt": b"hello"})

    in_folder = adit.run("send", "out/", "discs")
    named = adit.run("send", "out2/", "discs/one.zip")

    assert in_folder.code == named.code == 0
    assert "1 passed over" in named.err
    for out in ("out", "out2"):
        assert sorted(file_tree(adit.folder / out).values()) == sorted(as_files(thorax).values())
    assert file_tree(adit.state / "unpacked") == {}


def test_an_archive_that_cannot_be_read_is_named_and_the_rest_is_sent(
    adit: CommandLine, thorax: BuiltStudy
) -> None:
    (adit.folder / "bad.zip").write_bytes(b"no zip")

    ended = adit.run("send", "out/", "bad.zip", thorax.files[0])

    assert ended.code == 3
    assert "bad.zip: rejected: bad.zip is damaged" in ended.err
    assert len(file_tree(adit.folder / "out")) == 1


def test_archives_in_archives_are_sent_and_cleaned(adit: CommandLine, thorax: BuiltStudy) -> None:
    pack(adit.folder / "outer.zip", {**packed_up(adit.folder, as_files(thorax), 2), "readme.txt": b"hello"})

    sent = adit.run("send", "out/", "outer.zip")
    cleaned = adit.run("deid", "outer.zip", "-o", "clean")

    assert (sent.code, cleaned.code) == (0, 3)
    assert "outer.zip, file 2: rejected" in cleaned.err
    assert sorted(file_tree(adit.folder / "out").values()) == sorted(as_files(thorax).values())
    assert len(file_tree(adit.folder / "clean")) == len(thorax.files)
    assert file_tree(adit.state / "unpacked") == {}


def test_an_archive_in_too_many_others_is_named_by_send_and_by_deid(
    adit: CommandLine, thorax: BuiltStudy
) -> None:
    deepest = packed_up(adit.folder, as_files(thorax), DEEPEST)
    pack(adit.folder / "outer.zip", {**deepest, "one": thorax.files[0].read_bytes()})

    sent = adit.run("send", "out/", "outer.zip")
    cleaned = adit.run("deid", "outer.zip", "-o", "clean")

    assert (sent.code, cleaned.code) == (3, 3)
    for ended in (sent, cleaned):
        assert "outer.zip, file 1, file 1, file 1: rejected: is an archive that lies in too many" in ended.err
    assert len(file_tree(adit.folder / "out")) == len(file_tree(adit.folder / "clean")) == 1


def test_an_inner_archive_that_breaks_off_is_named_and_the_rest_is_sent(
    adit: CommandLine, thorax: BuiltStudy
) -> None:
    inner = pack(adit.folder / "inner.tar", as_files(thorax)).read_bytes()
    pack(
        adit.folder / "outer.zip",
        {"inner.tar": inner[:3000], "last": thorax.files[-1].read_bytes()},
    )

    ended = adit.run("send", "out/", "outer.zip")

    assert ended.code == 3
    assert "outer.zip, file 1: rejected: is damaged" in ended.err
    assert thorax.files[-1].read_bytes() in file_tree(adit.folder / "out").values()


def test_deid_reads_archives_and_names_what_it_leaves_out(adit: CommandLine, thorax: BuiltStudy) -> None:
    archive = pack(adit.folder / "in.tar.gz", {**as_files(thorax), "P1.txt": b"hello"})
    (adit.folder / "bad.zip").write_bytes(b"no zip")

    ended = adit.run("deid", "in.tar.gz", "bad.zip", "-o", "clean")

    assert ended.code == 3
    assert len(file_tree(adit.folder / "clean")) == len(thorax.files)
    assert f"{archive.name}, file {len(thorax.files) + 1}: rejected" in ended.err
    assert "bad.zip: rejected: bad.zip is damaged" in ended.err
    assert "P1" not in ended.err


def test_deid_explains_what_is_in_an_archive(adit: CommandLine, thorax: BuiltStudy) -> None:
    pack(adit.folder / "in.zip", {"x": thorax.files[0].read_bytes()})
    (adit.folder / "bad.zip").write_bytes(b"no zip")

    ended = adit.run("deid", "in.zip", "bad.zip", "--explain")

    assert ended.code == 3
    assert "in.zip, file 1:" in ended.err
    assert "PatientName" in ended.out
    assert "bad.zip: rejected" in ended.err
