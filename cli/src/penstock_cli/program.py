"""The command line."""

import sys

import click
from click.shell_completion import get_completion_class

from penstock_cli import show_commands, steer_commands
from penstock_cli.errors import CliError
from penstock_cli.kubectl_options import KubectlOptions, with_kubectl_options

NAME = "kubectl penstock"
EXECUTABLE = "kubectl-penstock"
COMPLETE = "_KUBECTL_PENSTOCK_COMPLETE"
"""The variable by which a shell's script asks for proposals."""
_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="penstock-cli", prog_name=NAME)
@with_kubectl_options
def program(kubectl: KubectlOptions) -> None:
    """See how new model versions take over, and steer it."""
    click.get_current_context().obj = kubectl


for _command in (
    show_commands.get,
    show_commands.status,
    steer_commands.promote,
    steer_commands.abort,
    steer_commands.retry,
    steer_commands.pause,
    steer_commands.resume,
    steer_commands.undo,
    steer_commands.retrain,
    show_commands.history,
    show_commands.diff,
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
    except CliError as error:
        click.echo(f"penstock: {error}", err=True)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    return 0
