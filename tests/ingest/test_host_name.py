"""A host's name is part of the names of files, so it must be fit for them."""

import socket

import pytest

from ingest.layout import host_name, host_of, new_writer_id


@pytest.mark.parametrize(
    ("called", "expected"),
    [("node-7.cluster", "node_7_cluster"), ("_gpu", "gpu"), ("ünit", "nit"), ("", "host"), ("...", "host")],
)
def test_no_file_begins_with_what_spark_skips(called: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spark, Hive and Trino leave out files whose names begin with "_" or "."."""
    monkeypatch.setattr(socket, "gethostname", lambda: called)

    assert host_name() == expected
    assert host_of(new_writer_id()) == expected
