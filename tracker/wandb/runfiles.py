"""The files that a script gives a run: by wandb.save, by log, and by writing them into wandb.run.dir."""

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracker.media.names import MediaNames
from tracker.wandb.mediafile import Content, Media

if TYPE_CHECKING:
    from tracker.experiment import ExperimentTracker

POLICIES = ("live", "end", "now")
_Seen = tuple[int, int]


class RunFiles:
    """The files of one run.

    Args:
        tracker: None where nothing is to be stored.
        folder: where `dir` is made.
    """

    def __init__(self, tracker: "ExperimentTracker | None", run_id: str, folder: str | None) -> None:
        self._tracker = tracker
        self._run_id = run_id
        self._folder = Path(folder or ".") / "wandb" / f"run-{run_id}" / "files"
        self._names = MediaNames(lambda name: tracker is not None and os.path.lexists(self._place(name)))
        self._again: dict[str, tuple[Path, _Seen]] = {}
        """Those that may change until the run ends, by their names in it."""
        self._dir: Path | None = None

    @property
    def dir(self) -> str:
        """A folder that is made when it is asked for; what lies in it when the run ends is the run's."""
        if self._dir is None:
            self._dir = self._folder.absolute()
            self._dir.mkdir(parents=True, exist_ok=True)
        return str(self._dir)

    def put(self, media: Media, key: str, step: int) -> str:
        """Keep something under its name, and give the artifact's."""
        content = media.content_with(lambda inner: self.put(inner, f"{key}/cells", step))
        name = self._names.next(key, step, media.suffix)
        self._store(content, name)
        return name

    def put_object(self, data: object, key: str, step: int, suffix: str) -> None:
        """Keep a figure or a frame."""
        if self._tracker is not None:
            self._tracker.log_artifact_data(data, self._names.next(key, step, suffix), run_id=self._run_id)

    def save(self, pattern: str | os.PathLike[str], base: str | os.PathLike[str] | None, policy: str) -> list[str]:
        """Copy the files that a pattern means.

        Args:
            base: what their names begin behind. Default: the pattern's folder if it is absolute, else the working one.
            policy: "now" copies them once; "live" and "end" once more when the run ends, where they have changed.

        Returns: the copies' paths. Raises: ValueError: another policy.
        """
        if policy not in POLICIES:
            raise ValueError(f"policy is {policy!r}; it can be {', '.join(map(repr, POLICIES))}")
        text = os.fspath(pattern)
        root = Path(base) if base is not None else Path(text).parent if os.path.isabs(text) else Path()  # noqa: PTH117
        saved = []
        for found in sorted(glob.glob(text)):  # noqa: PTH207 - the pattern may be absolute
            path = Path(found)
            for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                if file.is_file():
                    name = os.path.relpath(file, root)
                    name = file.name if name.startswith("..") else name
                    self._copy(file, name, again=policy != "now")
                    saved.append(str(self._place(name)))
        return saved

    def settle(self) -> None:
        """Copy what has changed since it was saved, and what lies in `dir`."""
        for name, (file, seen) in list(self._again.items()):
            if file.is_file() and _seen(file) != seen:
                self._copy(file, name, again=True)
        if self._dir is not None:
            known = {file for file, _ in self._again.values()}
            for file in sorted(self._dir.rglob("*")):
                if file.is_file() and file not in known:
                    self._copy(file, file.relative_to(self._dir).as_posix(), again=True)

    def _copy(self, file: Path, name: str, *, again: bool) -> None:
        file = file.absolute()
        if again:
            self._again[name] = file, _seen(file)
        self._store(file, name)

    def _store(self, content: Content, name: str) -> None:
        tracker = self._tracker
        if tracker is None:
            return
        if isinstance(content, Path):
            folder, _, _ = name.rpartition("/")
            if content.name == name.rpartition("/")[2]:
                tracker.log_artifact(content, folder or None, run_id=self._run_id)
            else:
                tracker.log_artifact_data(content.read_bytes(), name, run_id=self._run_id)
        elif isinstance(content, str):
            tracker.log_text(content, name, run_id=self._run_id)
        else:
            tracker.log_artifact_data(content, name, run_id=self._run_id)

    def _place(self, name: str) -> Path:
        return Path(name) if self._tracker is None else self._tracker.layout.run_artifacts(self._run_id) / name


def is_media_list(value: Any) -> bool:
    """Whether it is a list of nothing but media."""
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and bool(value)
        and all(isinstance(one, Media) for one in value)
    )


def _seen(file: Path) -> _Seen:
    found = file.stat()
    return found.st_mtime_ns, found.st_size
