"""The words of docker that the example's workflow uses are the words that the stand-in knows."""

import re
import shlex

import pytest
from testcluster import docker_command
from testcluster.paths import PROJECT

WORKFLOW = PROJECT / "examples" / "fraud-detection" / ".github" / "workflows" / "ml-pipeline.yml"


def test_each_docker_command_of_the_workflow_is_understood() -> None:
    lines = re.findall(r"^ *(?:run: )?docker (.*)$", WORKFLOW.read_text(), re.MULTILINE)
    commands = [docker_command.parser().parse_args(shlex.split(line.partition(" <<<")[0])).command for line in lines]
    assert commands == ["login", "build", "push"]


@pytest.mark.parametrize("words", [["run", "image"], ["build", "."], ["push"]])
def test_what_it_does_not_do_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit):
        docker_command.parser().parse_args(words)
