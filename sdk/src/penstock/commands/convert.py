"""`penstock convert`: a registered version without ONNX becomes one with it."""

from pathlib import Path

import click

from penstock.registered_version import convert_version


@click.command()
@click.argument("version")
@click.option(
    "--rows",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A .csv or .parquet file with rows to compare both forms on; without it, the version's input example.",
)
@click.option("--label", help="The column of that file which is the truth.")
@click.option("--alias", help="Move this alias to the new version, which starts a rollout.")
@click.option(
    "--trust-pickle", is_flag=True, help="Open the model though that runs code from it: you know who made it."
)
def convert(version: str, rows: Path | None, label: str | None, alias: str | None, trust_pickle: bool) -> None:
    """Convert VERSION, such as models:/fraud-detector/3, and register the result as the model's next version.

    It is loaded in this environment, so its packages must be here. The version itself stays as it is.
    """
    made = convert_version(version, rows_file=rows, label=label, alias=alias, trust_pickle=trust_pickle)
    differ = f", largest difference {made.parity.max_difference:.2g} on {made.parity.rows} rows" if made.parity else ""
    click.echo(f"{version} is {made.uri} now, with an ONNX model beside its own{differ}")
    if made.alias:
        click.echo(f"alias {made.alias} names version {made.version}")
