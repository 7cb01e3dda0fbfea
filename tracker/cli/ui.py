"""steplog ui: the dashboard in a browser."""

from pathlib import Path
from typing import Annotated

import typer

from tracker.cli.options import DEFAULT_STORE, open_layout


def ui(
    store: Annotated[
        Path, typer.Argument(envvar="STEPLOG_DIR", metavar="STORE", help="The store: what output_dir was.")
    ] = DEFAULT_STORE,
    *,
    port: Annotated[int, typer.Option("--port", "-p", min=0, max=65535, help="The port; 0 takes a free one.")] = 8080,
    host: Annotated[str, typer.Option("--host", help="The address to listen on; only this machine's by default.")] = (
        "127.0.0.1"
    ),
    read_only: Annotated[bool, typer.Option("--read-only", help="Show runs, change nothing.")] = False,
) -> None:
    """Show the store's runs in a browser, live."""
    from readers.dashboard.server import bind, serve
    from readers.dashboard.settings import DashboardSettings

    layout = open_layout(store)
    settings = DashboardSettings(str(layout.root), host=host, port=port, read_only=read_only)
    bound = bind(settings)
    print(f"http://{settings.host}:{bound.getsockname()[1]}/", flush=True)  # noqa: T201 - the command's own voice
    serve(settings, bound)
