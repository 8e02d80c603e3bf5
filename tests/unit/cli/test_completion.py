import pytest

from penstock_cli.completion import proposed


def values(*words: str) -> list[str]:
    *lines, directive = proposed(words)
    assert directive in {":4", ":0"}
    return [each.partition("\t")[0] for each in lines]


def test_commands_are_proposed() -> None:
    assert values("") == [
        "abort", "completion", "diff", "get", "history", "pause", "promote", "resume", "retrain", "retry", "status",
        "undo",
    ]  # fmt: skip
    assert values("re") == ["resume", "retrain", "retry"]


def test_options_are_proposed_with_their_help() -> None:
    assert "--full" in values("promote", "--")
    assert "--to-version\tWhich one." in list(proposed(["undo", "--to"]))


def test_choices_are_proposed() -> None:
    assert values("status", "-o", "") == ["json"]


def test_a_file_is_left_to_the_shell() -> None:
    assert list(proposed(["get", "--kubeconfig", ""])) == [":0"]


@pytest.mark.parametrize("words", [("status", ""), ("get", "-n", ""), ("diff", "model", "")])
def test_where_no_cluster_is_to_be_asked_nothing_is_proposed(words: tuple[str, ...]) -> None:
    begun = list(words)
    begun[1:1] = ["--kubeconfig", "/does/not/exist"]
    assert list(proposed(begun)) == [":4"]
