"""What lies on this host for a bucket is its user's alone, and no secret is in any of it."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import obstore
import pytest

from ingest.errors import StoreUnavailable
from ingest.objects.address import Address, cache_folder
from readers.store import Store
from tests.objects.conftest import S3
from tests.objects.laid import lay, lay_live, recorded
from tests.objects.server import READER, WRITER
from tests.readers.conftest import Recorder

SECRETS = [part for who in (WRITER, READER) for part in (who.secret, who.key)]

_SESSION = """
import os, sys, subprocess
from pathlib import Path
from tracker import ExperimentTracker

address, wrong = sys.argv[1:]
commands = []
with ExperimentTracker(address, "exp") as tracker, tracker.start_run("run"):
    tracker.log_params({"lr": 0.1})
    for step in range(30):
        tracker.log_metrics({"loss": float(step)}, step=step)
    Path("note.txt").write_text("a note")
    tracker.log_artifact("note.txt")
    tracker.flush()
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                if f"\\nPPid:\\t{os.getpid()}\\n" in (process / "status").read_text():
                    commands.append((process / "cmdline").read_bytes().decode())
            except OSError:
                continue
    print(repr(tracker), repr(vars(tracker)), tracker.address, tracker.root)
print(commands)
"""


def modes(folder: Path) -> dict[str, int]:
    """The permissions of every folder and file below one, that are wider than its owner's."""
    found = {}
    for path in folder.rglob("*"):
        mode = path.lstat().st_mode & 0o777
        if not path.is_symlink() and mode & 0o077:
            found[str(path.relative_to(folder))] = mode
    return found


def test_the_cache_of_a_reader_is_its_users_alone(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every folder 0700, every file 0600, whatever the umask is; also the folders on the way."""
    logged = recorded(tmp_path / "node")
    recorder = Recorder(tmp_path / "node")
    recorder.start("live", "first")
    recorder.log("live", {"loss": 1.0}, 1, "first")
    recorder.flush()
    lay(tmp_path / "node", s3.store())
    lay_live(recorder, s3.store())
    recorder.close()
    obstore.put(s3.store(), "artifacts/live/deep/er/file", b"1")
    monkeypatch.setenv("STEPLOG_CACHE_DIR", str(tmp_path / "wide" / "cache"))
    before = os.umask(0)
    try:
        store = Store(s3.address())
        assert set(store.metrics().select("run_id").collect()["run_id"]) == {*logged, "live"}
        store.layout.obtain_folder(store.layout.run_artifacts("live"))
        assert (store.layout.run_artifacts("live") / "deep/er/file").read_bytes() == b"1"
        wide = modes(tmp_path / "wide" / "cache")
    finally:
        os.umask(before)

    assert wide == {}


def test_the_spool_of_a_training_is_its_users_alone(s3: S3, tmp_path: Path) -> None:
    """Likewise, with what the uploader keeps there."""
    session = subprocess.run(
        [sys.executable, "-c", f"import os; os.umask(0)\n{_SESSION}", s3.address("runs"), ""],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )

    assert session.returncode == 0, session.stderr
    assert list((tmp_path / "spool").rglob("journal.jsonl"))
    assert modes(tmp_path / "spool") == {}


def test_somebody_elses_cache_is_refused(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that another user has made under the cache's name isn't believed; one's own becomes private."""
    recorded(tmp_path / "node", 1)
    lay(tmp_path / "node", s3.store("a"))
    lay(tmp_path / "node", s3.store("b"))
    own, foreign = (cache_folder(Address.of(s3.address(name))) for name in ("a", "b"))
    own.mkdir(parents=True)
    own.chmod(0o777)
    Store(s3.address("a"))
    assert own.stat().st_mode & 0o777 == 0o700
    foreign.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: foreign.stat().st_uid + 1)
    with pytest.raises(StoreUnavailable, match=r"belongs to the user with number .* set STEPLOG_CACHE_DIR"):
        Store(s3.address("b"))


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("wrong", ["", "secret", "rights"])
def test_no_secret_is_in_anything_that_a_session_leaves(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, wrong: str
) -> None:
    """Files, output, logs, command lines of its processes, what objects look like: with right keys and with wrong."""
    token = "Session0Token0That0Nobody0Sees"  # noqa: S105 - made up
    environment = s3.environment(who=READER if wrong == "rights" else WRITER)
    if wrong == "secret":
        environment |= {"AWS_SECRET_ACCESS_KEY": "Wrong0Secret/Key", "AWS_SESSION_TOKEN": token}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "home").mkdir()
    session = subprocess.run(
        [sys.executable, "-c", _SESSION, s3.address("runs"), wrong],
        cwd=tmp_path / "home",
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "STEPLOG_UPLOAD_WAIT": "1",
            "STEPLOG_LOG_LEVEL": "DEBUG",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert session.returncode == 0, session.stderr
    caplog.set_level(logging.DEBUG)
    said = [session.stdout, session.stderr]
    try:
        store = Store(s3.address("runs"))
        said += [repr(store), repr(vars(store)), repr(vars(store.layout)), str(store.metrics().collect())]
    except Exception as error:  # noqa: BLE001 - the text is what is looked at
        said.append(f"{error!r} {error}")
    said.append(caplog.text)
    written = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
    said += [path.read_bytes().decode(errors="replace") for path in written]

    assert any(path.name == "upload.json" for path in written)
    assert "uploading" in session.stdout
    assert ("AWS_ACCESS_KEY_ID" in session.stderr) == bool(wrong), session.stderr
    for secret in [*SECRETS, token, "Wrong0Secret/Key"]:
        assert not any(secret in text for text in said), secret
