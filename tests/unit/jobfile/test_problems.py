from __future__ import annotations

from adit_cli.jobfile.problems import Problem, as_path, did_you_mean, fail_at, render_all


def test_a_place_in_the_file_is_written_as_people_write_it() -> None:
    assert as_path(()) == ""
    assert as_path(("destinations", 1, "folder")) == "destinations[1].folder"


def test_a_problem_is_one_line_that_an_editor_can_jump_to() -> None:
    assert Problem("is bad", ("run", "workers"), 3, 9).render("a.yaml") == "a.yaml:3:9: run.workers: is bad"
    assert Problem("is bad", (), 3, 9).render("a.yaml") == "a.yaml:3:9: is bad"
    assert Problem("is bad").render("a.yaml") == "a.yaml: is bad"


def test_problems_are_told_once_each_in_the_order_of_the_file() -> None:
    found = [Problem("b", line=2, column=1), Problem("a", line=1, column=5), Problem("b", line=2, column=1)]

    assert render_all(found, "f") == "f:1:5: a\nf:2:1: b"


def test_a_file_that_is_all_wrong_does_not_flood_the_terminal() -> None:
    lines = render_all([Problem("x", line=n, column=1) for n in range(1, 61)], "f").splitlines()

    assert len(lines) == 51
    assert lines[-1] == "f: and 10 more problems"


def test_only_a_word_that_is_close_is_offered() -> None:
    assert did_you_mean("Clincal", ["clinical", "research"]) == " (did you mean clinical?)"
    assert did_you_mean("kay", ["key"]) == " (did you mean key?)"
    assert did_you_mean("stop_after", ["retry_after"]) == ""


def test_without_messages_nothing_fails() -> None:
    fail_at("model", {})
