"""A follower in a process of its own: prints a line of JSON for each batch, until it is killed or interrupted.

Usage: follower.py ROOT plain|asyncio|trio [CURSOR] [MOST]
"""

import json
import sys

import anyio

from readers.batch import Batch
from readers.follow import follow, follow_sync


def say(batch: Batch) -> None:
    """One line; the cursor with what was taken, so that a kill comes between both or neither."""
    rows = batch.points.select("run_id", "writer", "seq", "key", "value").rows()
    said = {"values": batch.points["value"].to_list(), "rows": rows, "cursor": batch.cursor}
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


async def say_all(root: str, since: dict[str, object] | None, most: int) -> None:
    """Follow for ever."""
    async for batch in follow(root, since=since, most=most):
        say(batch)


def main() -> None:
    """Follow as asked."""
    root, how, cursor, most = [*sys.argv[1:], *("", "100000")[len(sys.argv) - 3 :]]
    since = json.loads(cursor) if cursor else None
    try:
        if how == "plain":
            for batch in follow_sync(root, since=since, most=int(most)):
                say(batch)
        else:
            anyio.run(say_all, root, since, int(most), backend=how)
    except KeyboardInterrupt:
        sys.stdout.write("interrupted\n")


if __name__ == "__main__":
    main()
