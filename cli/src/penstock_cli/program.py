"""The command line."""

import sys

import click
from click.shell_completion import get_completion_class

from penstock_cli import looking, steering
from penstock_cli.errors import Trouble
from penstock_cli.target import Target, with_target

NAME = "kubectl penstock"
EXECUTABLE = "kubectl-penstock"
COMPLETE = "_KUBECTL_PENSTOCK_COMPLETE"
"""The variable by which a shell's script asks for proposals."""
_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="penstock-cli", prog_name=NAME)
@with_target
def program(target: Target) -> None:
    """See how new model versions take over, and steer it."""
    click.get_current_context().obj = target


for _command in (
    looking.get,
    looking.status,
    steering.promote,
    steering.abort,
    steering.retry,
    steering.pause,
    steering.resume,
    steering.undo,
    steering.retrain,
    looking.history,
    looking.diff,
):
    program.add_command(_command)


@program.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a shell's script for completion."""
    found = get_completion_class(shell)
    if found:
        click.echo(found(program, {}, EXECUTABLE, COMPLETE).source())


def run(arguments: list[str]) -> int:
    """Run a command line; answers the exit code: 0, 1 it cannot be done, 2 bad usage or no answer, 130 interrupted."""
    try:
        program.main(arguments, prog_name=NAME, standalone_mode=False, complete_var=COMPLETE)
    except Trouble as trouble:
        click.echo(f"penstock: {trouble}", err=True)
        return trouble.code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    return 0
