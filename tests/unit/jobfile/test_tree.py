from __future__ import annotations

import pytest

from adit_cli.jobfile.tree import BrokenYamlError, Mapping, Scalar, Sequence, read_tree


def broken(text: str) -> tuple[int, int, str]:
    with pytest.raises(BrokenYamlError) as caught:
        read_tree(text)
    problem = caught.value.problem
    return problem.line, problem.column, problem.message


def test_everything_knows_where_it_stands() -> None:
    tree, problems = read_tree("a: 1\nb:\n  - x\n  - {c: no}\n")

    assert problems == []
    assert isinstance(tree, Mapping)
    assert (tree.keys["b"].line, tree.keys["b"].column) == (2, 1)
    items = tree.values["b"]
    assert isinstance(items, Sequence)
    inner = items.items[1]
    assert isinstance(inner, Mapping)
    assert inner.values["c"] == Scalar(4, 9, "no")
    assert tree.size == 9


@pytest.mark.parametrize(
    "text", ["no", "on", "007", "1.20", "1e5", "0x10", "2024-01-31", "true", "'null'", "<<"]
)
def test_a_scalar_stays_the_text_that_was_written(text: str) -> None:
    tree, _ = read_tree(f"a: {text}")

    assert isinstance(tree, Mapping)
    assert tree.values["a"] == Scalar(1, 4, text.strip("'"))


@pytest.mark.parametrize("text", ["", "~", "null", "NULL"])
def test_nothing_written_is_told_from_a_text(text: str) -> None:
    tree, _ = read_tree(f"a: {text}")

    assert isinstance(tree, Mapping)
    value = tree.values["a"]
    assert isinstance(value, Scalar)
    assert value.is_null


@pytest.mark.parametrize("text", ["", "# a comment\n", "---\n...\n"])
def test_an_empty_text_holds_no_tree_or_nothing(text: str) -> None:
    tree, problems = read_tree(text)

    assert tree is None or (isinstance(tree, Scalar) and tree.is_null)
    assert problems == []


def test_a_text_that_looks_like_nothing_can_be_said_to_be_one() -> None:
    tree, _ = read_tree("a: !!str null")

    assert isinstance(tree, Mapping)
    assert tree.values["a"] == Scalar(1, 4, "null")


def test_an_alias_stands_for_what_it_refers_to() -> None:
    tree, _ = read_tree("a: &x {b: 1}\nc: *x\nd: &y [*x]\ne: !!str 5\n")

    assert isinstance(tree, Mapping)
    assert tree.values["c"] is tree.values["a"]


def test_a_key_that_stands_twice_is_reported_at_its_second_place() -> None:
    _, problems = read_tree("a: 1\nb: 2\na: 3\nb: 4\n")

    assert [(problem.line, problem.message) for problem in problems] == [
        (3, "the key a stands here a second time, first in line 1: keep one of them"),
        (4, "the key b stands here a second time, first in line 2: keep one of them"),
    ]


def test_only_a_text_can_be_a_key() -> None:
    _, problems = read_tree("? [a]\n: b\n")

    assert problems[0].message.startswith("a list or mapping cannot be a key")


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a: *b", (1, 4), "*b refers to nothing: quote a text that begins with *"),
        ("a: &thin [1]\nb: *thn", (2, 4), "*thn refers to nothing (did you mean thin?)"),
        ("a: &a [*a]", (1, 8), "*a refers to nothing"),
        ("a: *lung*", (1, 9), "quote a text that begins with *"),
        ("a: & x", (1, 5), "quote a text that begins with &"),
        ("a: @x", (1, 4), "quote a text that begins with such a sign"),
        ("a: b: c", (1, 5), "quote a text that holds a colon and a blank"),
        ("a: 1\n\tb: 2", (2, 1), "indent with blanks, not tabs"),
        ("a: [1\nb: 2", (2, 2), "a bracket or quote may be missing"),
        ("a: {b: ${X}}", (1, 9), "needs quotes"),
        ('a: "b', (1, 6), "a quote or bracket is never closed"),
        (" a: 1\nb: 2", (2, 1), "check the indentation"),
        ("a: 1\nb\n", (3, 1), "a colon may be missing"),
        ("a: !!python/object:os.system x", (1, 4), "tags (!!…) are not used"),
        ("a: !x [1]", (1, 4), "tags (!!…) are not used"),
        ("a: 1\n---\nb: 2", (2, 1), "a second document begins here"),
        ("a: 1\nb: c\0d", (2, 5), "a control character is not allowed here"),
        ("a: " + "[" * 5000, (1, 36), "nested more than 32 levels deep"),
        ('a: "\\q"', (1, 6), "unknown escape character"),
        ("%YAML 1.x\n---\na: 1", (1, 9), "not valid YAML"),
    ],
)
def test_what_is_not_yaml_is_told_with_its_place_and_what_to_do(
    text: str, place: tuple[int, int], words: str
) -> None:
    line, column, message = broken(text)

    assert words in message
    assert (line, column) == place


def test_aliases_that_multiply_are_stopped() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]

    assert "keep long lists in files of their own" in broken("\n".join(lines))[2]
