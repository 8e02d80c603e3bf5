import pytest
from testcluster import commands, record
from testcluster.errors import ClusterError


@pytest.mark.parametrize(
    ("arguments", "own", "rest"),
    [
        (["kubectl", "--", "get", "pods"], ["kubectl"], ["get", "pods"]),
        (["kubectl", "mine", "--", "exec", "p", "--", "ls"], ["kubectl", "mine"], ["exec", "p", "--", "ls"]),
        (["down"], ["down"], []),
    ],
)
def test_what_stands_after_the_dashes_belongs_to_the_program_that_is_called(
    arguments: list[str], own: list[str], rest: list[str]
) -> None:
    assert commands.split(arguments) == (own, rest)


def test_a_cluster_is_called_penstock_unless_it_is_named() -> None:
    assert commands.parser().parse_args(["up"]).name == "penstock"
    options = commands.parser().parse_args(["up", "mine", "--owner", "17"])
    assert (options.name, options.owner) == ("mine", 17)


def test_every_command_has_a_handler() -> None:
    needed = {"load": ["archive.tar"], "image-lists": ["--of", "amd64"]}
    for command in commands.HANDLERS:
        given = [command, *needed.get(command, [])]
        assert commands.parser().parse_args(given).command == command


def test_load_takes_the_archive_last() -> None:
    options = commands.parser().parse_args(["load", "mine", "image.tar"])
    assert (options.name, str(options.archive)) == ("mine", "image.tar")


def test_an_unknown_image_is_refused_with_the_names_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["images", "predictro"]) == 1
    assert "no image called predictro; the images are controller, predictor" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "-a", "a-", "../other", "UPPER", "a" * 41])
def test_a_name_that_could_leave_the_state_folder_is_refused(name: str) -> None:
    with pytest.raises(ClusterError, match="cannot name a cluster"):
        record.folder(name)


def test_no_cluster_is_the_answer_when_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["env", "never-started"]) == 1
    assert "start it with `tests/cluster/cluster up never-started`" in capsys.readouterr().err
