"""The proxy that loses."""

import obstore
import pytest
from obstore.exceptions import BaseError
from obstore.store import S3Store

from tests.objects.conftest import S3
from tests.objects.proxy import LossyProxy
from tests.objects.server import WRITER
from tests.waiting import until


def _store(s3: S3, proxy: LossyProxy, timeout: str = "5s") -> S3Store:
    return S3Store(
        s3.bucket,
        prefix=s3.prefix,
        endpoint=proxy.endpoint,
        region="us-east-1",
        access_key_id=WRITER.key,
        secret_access_key=WRITER.secret,
        client_options={"allow_http": True, "timeout": timeout},
        retry_config={"max_retries": 0},
    )


def test_what_isnt_cut_arrives_and_what_is_cut_may_have(s3: S3, proxy: LossyProxy) -> None:
    """Megabytes pass whole; with cuts some puts fail, and of the failed ones some are there: their answer was cut."""
    store = _store(s3, proxy)
    obstore.put(store, "large", b"0123456789" * 300_000)
    assert bytes(obstore.get(store, "large").bytes()) == b"0123456789" * 300_000

    proxy.cut = 0.3
    proxy.late = 0.2
    failed: set[str] = set()
    done: set[str] = set()
    for number in range(60):
        try:
            obstore.put(store, f"small/{number}", b"x" * 1000)
        except BaseError:
            failed.add(f"small/{number}")
        else:
            done.add(f"small/{number}")
    there = {key for key in s3.keys() if key != "large"}  # noqa: SIM118 - a method of S3

    assert proxy.cuts >= len(failed) > 5
    assert done <= there
    assert failed & there
    assert failed - there


def test_it_refuses_and_swallows_and_takes_again(s3: S3, proxy: LossyProxy) -> None:
    """Refused at once; swallowed until the client gives up; afterwards all is as before."""
    store, hasty = _store(s3, proxy), _store(s3, proxy, "100ms")
    obstore.put(store, "before", b"1")
    proxy.refuse()
    with pytest.raises(BaseError):
        obstore.put(store, "refused", b"1")
    proxy.accept()
    obstore.put(store, "between", b"1")
    proxy.swallow()
    with pytest.raises(BaseError):
        obstore.put(hasty, "swallowed", b"1")
    proxy.let_through()
    until(lambda: _put(store), "it takes nothing any more")
    assert {"after", "before", "between"} <= set(s3.keys())


def _put(store: S3Store) -> bool:
    try:
        obstore.put(store, "after", b"1")
    except BaseError:
        return False
    return True
