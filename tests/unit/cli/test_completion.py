import pytest

from penstock_cli.completion import completion_lines


def values(*words: str) -> list[str]:
    *lines, directive = completion_lines(words)
    assert directive in {":4", ":0"}
    return [each.partition("\t")[0] for each in lines]


def test_commands_are_completion_lines() -> None:
    assert values("") == [
        "abort", "completion", "diff", "get", "history", "pause", "promote", "resume", "retrain", "retry", "status",
        "undo",
    ]  # fmt: skip
    assert values("re") == ["resume", "retrain", "retry"]


def test_options_are_proposed_with_their_help() -> None:
    assert "--full" in values("promote", "--")
    assert "--to-version\tWhich one." in list(completion_lines(["undo", "--to"]))


def test_choices_are_completion_lines() -> None:
    assert values("status", "-o", "") == ["json"]


def test_a_file_is_left_to_the_shell() -> None:
    assert list(completion_lines(["get", "--kubeconfig", ""])) == [":0"]


@pytest.mark.parametrize("words", [("status", ""), ("get", "-n", ""), ("diff", "model", "")])
def test_where_no_cluster_is_to_be_asked_nothing_is_completion_lines(words: tuple[str, ...]) -> None:
    typed = list(words)
    typed[1:1] = ["--kubeconfig", "/does/not/exist"]
    assert list(completion_lines(typed)) == [":4"]
