"""`penstock serve`: the predictor on this machine."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from penstock.commands.located_model import located
from penstock.commands.rehearsed_model import cluster_module, rehearsed


@click.command()
@click.argument("model")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on; 0: a free one, named in the log.")
@click.option("--name", help="Name in routes and answers; the file's or the registered model's where it is not given.")
@click.pass_context
def serve(context: click.Context, model: str, host: str, port: int, name: str | None) -> None:
    """Serve MODEL as a pod would: an .onnx file, a folder that MLflow logged, or models:/name/version.

    It is checked first, as by `penstock check`. The address itself is a page to try a prediction on.
    """
    predictor: Any = cluster_module("penstock_predictor.__main__")
    with located(model) as found, TemporaryDirectory(prefix="penstock-") as folder:
        taken = rehearsed(found, Path(folder))
        arguments = ["--model", str(taken.folder), "--name", name or found.name, "--version", found.version]
        context.exit(predictor.main(["serve", *arguments, "--host", host, "--port", str(port), "--grpc-port", "0"]))
