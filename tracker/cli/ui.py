"""steplog ui: the dashboard in a browser."""

import sys
import webbrowser
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli.options import DEFAULT_STORE, asking, open_layout

if TYPE_CHECKING:
    from readers.dashboard.settings import DashboardSettings


def ui(
    store: Annotated[
        str, typer.Argument(envvar="STEPLOG_DIR", metavar="[STORE]", help="The store: what output_dir was.")
    ] = DEFAULT_STORE,
    *,
    port: Annotated[int, typer.Option("--port", "-p", min=0, max=65535, help="The port; 0 takes a free one.")] = 8080,
    next_free: Annotated[bool, typer.Option("--next-free", help="Where the port is taken, take the next one.")] = False,
    host: Annotated[
        str, typer.Option("--host", help="The address to listen on; by default only this machine reaches it.")
    ] = "127.0.0.1",
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            envvar="STEPLOG_TOKEN",
            help="What visitors must know; made anew where others can reach it. By the variable nobody sees it in ps.",
        ),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(
            "--name", metavar="HOST", help="A further host name of this server, as a proxy's; can be repeated."
        ),
    ] = None,
    alert: Annotated[
        list[str] | None,
        typer.Option("--alert", metavar="RULE", help="Watch a rule, as 'loss is nan' or 'acc < 0.5'; can be repeated."),
    ] = None,
    webhook: Annotated[
        str | None,
        typer.Option(
            "--webhook",
            envvar="STEPLOG_WEBHOOK",
            metavar="URL",
            help="Send alerts to this address, too. By the variable nobody sees it in ps.",
        ),
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Show runs, change nothing.")] = False,
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open it in the browser.")] = False,
) -> None:
    """Show the store's runs in a browser, live, until Ctrl-C."""
    from readers.dashboard.server import Dashboard, address, bind
    from readers.dashboard.settings import DashboardSettings

    layout = open_layout(store)
    with asking():
        settings = DashboardSettings(
            layout.place,
            host=host,
            port=port,
            read_only=read_only,
            token=token,
            names=tuple(name or ()),
            alerts=tuple(alert or ()),
            webhook=webhook,
        )
    with bind(settings, next_free=next_free) as bound:
        ready = partial(_say, address(settings, bound), settings, open_browser=open_browser)
        with asking():
            dashboard = Dashboard(settings, bound, on_ready=ready)
        dashboard.run()


def _say(at: str, settings: "DashboardSettings", *, open_browser: bool) -> None:
    """Tell where it is, once it answers."""
    print(f"The dashboard is at {at}", "Ctrl-C ends it.", sep="\n", flush=True)  # noqa: T201 - the command's own voice
    if settings.exposure:
        print(f"steplog: {settings.exposure}", file=sys.stderr, flush=True)  # noqa: T201 - likewise
    if open_browser:
        webbrowser.open(at)
