"""The command line."""

import os
import sys

import click

from penstock.commands.check import check
from penstock.commands.convert import convert
from penstock.commands.serve import serve
from penstock.errors import PenstockFailure

_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="penstock-sdk", prog_name="penstock")
def program() -> None:
    """Check, serve and convert models on this machine. `kubectl penstock` is what steers rollouts."""


for _command in (check, serve, convert):
    program.add_command(_command)


def run(arguments: list[str]) -> int:
    """Run a command line; answers the exit code: 0, 1 refused or failed, 2 bad usage, 130 interrupted."""
    try:
        code = program.main(arguments, prog_name="penstock", standalone_mode=False)
    except PenstockFailure as error:
        click.echo(f"penstock: {error}", err=True)
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    return code if isinstance(code, int) else 0


def main() -> None:
    """Run the command line of this process."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    sys.exit(run(sys.argv[1:]))
