"""Opening a store by where it is: a folder, or an address on object storage.

Of an address a process has one view, whoever opens it; and whoever is given the view's folder gets that view.
"""

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.layout import Layout
from ingest.objects.address import Address, is_address
from ingest.objects.kept import layout_at

if TYPE_CHECKING:
    from readers.objects.view import ObjectView
    from readers.scan import Spread, Tables

_views: "dict[Address, ObjectView]" = {}
_opening = threading.RLock()


def layout_of(root: str | os.PathLike[str]) -> Layout:
    """The layout of a store; of an address its view.

    Raises: ValueError: an address that names no bucket. ObjectsUnavailable: the package `obstore` isn't installed.
    """
    if is_address(root):
        return view_of(Address.of(root))
    folder = Path(os.path.abspath(root))  # noqa: PTH100 - as in Layout
    return next((view for view in list(_views.values()) if view.root == folder), None) or layout_at(root)


def view_of(address: Address) -> "ObjectView":
    """This process's view of a store on object storage. Raises: ObjectsUnavailable."""
    with _opening:
        if address not in _views:
            from ingest.objects.bucket import Bucket
            from readers.objects.view import ObjectView

            _views[address] = ObjectView(address, Bucket(address))
        return _views[address]


def tables_of(layout: Layout, spread: "Spread | None" = None) -> "Tables":
    """The tables of a layout."""
    if layout.adopts:
        from readers.scan import Tables

        return Tables(layout, spread)
    from readers.objects.tables import ObjectTables
    from readers.objects.view import ObjectView

    if not isinstance(layout, ObjectView):
        raise TypeError(f"{layout!r} is neither a folder's layout nor a view")
    return ObjectTables(layout, spread)


def _forget() -> None:
    """In a forked child: the views are the parent's."""
    _views.clear()


os.register_at_fork(after_in_child=_forget)
