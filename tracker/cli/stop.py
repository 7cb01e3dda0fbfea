"""steplog stop: ask a running run to stop."""

from tracker.cli.options import DEFAULT_STORE, JsonOption, RunArgument, StoreOption, open_store
from tracker.cli.screen import cell, console, print_json


def stop(run: RunArgument, *, json: JsonOption = False, store: StoreOption = DEFAULT_STORE) -> None:
    """Ask a running run to stop: its training loop sees it by tracker.should_stop(), if it asks."""
    from readers.dashboard.control import Controls

    opened = open_store(store)
    run_id = opened.resolve_run(run)
    Controls(opened, by="steplog stop").stop(run_id)
    if json:
        print_json({"run_id": run_id, "stop_requested": True})
    else:
        screen = console()
        screen.print(cell(run, "bold"), ": asked to stop. ", cell("It ends when its loop asks should_stop()."), sep="")
