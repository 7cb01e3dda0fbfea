"""What wandb.init is told: by its arguments, else by Settings, else by the environment.

    WANDB_MODE  WANDB_PROJECT  WANDB_ENTITY  WANDB_NAME  WANDB_RUN_ID  WANDB_RUN_GROUP  WANDB_JOB_TYPE  WANDB_TAGS
    WANDB_NOTES  WANDB_DIR  WANDB_RESUME  WANDB_DISABLED

"disabled" does nothing; every other mode writes the store, as there is no server to be online with.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tracker.wandb.errors import UsageError

MODES = ("online", "offline", "disabled", "shared", "dryrun", "run")
RESUMES = ("allow", "must", "never", "auto")
REINITS = ("default", "return_previous", "finish_previous", "create_new")
_NAMES = {
    "name": "run_name",
    "id": "run_id",
    "group": "run_group",
    "job_type": "run_job_type",
    "tags": "run_tags",
    "notes": "run_notes",
    "dir": "root_dir",
}
"""Arguments of init, and what Settings calls them where it isn't the same."""
_VARIABLES = {"name": "WANDB_NAME", "id": "WANDB_RUN_ID", "group": "WANDB_RUN_GROUP"}


class Settings:
    """wandb.Settings: holds what it is given. What init takes has a meaning; nobody looks at the rest."""

    def __init__(self, **settings: Any) -> None:
        vars(self).update(settings)

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


class Options(NamedTuple):
    """What a run is to be."""

    mode: str
    project: str
    entity: str
    name: str | None
    id: str | None
    group: str | None
    job_type: str | None
    tags: tuple[str, ...]
    notes: str | None
    dir: str | None
    resume: str | None
    reinit: str
    allow_val_change: bool

    @property
    def disabled(self) -> bool:
        """Whether nothing is to be stored."""
        return self.mode == "disabled"


def options_of(
    given: Mapping[str, Any],
    settings: Settings | Mapping[str, Any] | None,
    environment: Mapping[str, str] = os.environ,
) -> Options:
    """Fill in what init wasn't given.

    Raises: UsageError: a name, mode, resume or reinit that can't be. TypeError: of another type.
    """
    told = vars(settings) if isinstance(settings, Settings) else dict(settings or {})

    def find(name: str) -> Any:
        variable = _VARIABLES.get(name, f"WANDB_{name.upper()}")
        for value in (given.get(name), told.get(_NAMES.get(name, name)), environment.get(variable) or None):
            if value is not None:
                return value
        return None

    mode = find("mode")
    if environment.get("WANDB_DISABLED", "").lower() in {"true", "1", "yes", "on"}:
        mode = mode or "disabled"
    if environment.get("STEPLOG_MODE") == "disabled":
        mode = "disabled"
    texts = {
        name: _text(name, find(name)) for name in ("project", "entity", "name", "id", "group", "job_type", "notes")
    }
    project = texts["project"] or "uncategorized"
    if bad := sorted({*"/\\#?%:"} & {*project}):
        raise UsageError(f"project is {project!r}; it can have none of / \\ # ? % : in it, and has {' '.join(bad)}")
    folder = find("dir")
    return Options(
        mode=_one_of("mode", mode or "online", MODES),
        project=project,
        entity=texts["entity"] or "",
        name=texts["name"],
        id=texts["id"],
        group=texts["group"],
        job_type=texts["job_type"],
        tags=tags_of(find("tags")),
        notes=texts["notes"],
        dir=None if folder is None else os.fspath(folder),
        resume=_resume(find("resume")),
        reinit=_reinit(find("reinit")),
        allow_val_change=bool(find("allow_val_change")),
    )


def tags_of(tags: Any) -> tuple[str, ...]:
    """Give tags as wandb keeps them: each once, one text split at its commas."""
    if tags is None:
        return ()
    words = tags.split(",") if isinstance(tags, str) else tags
    if not isinstance(words, (Sequence, set, frozenset)):
        raise TypeError(f"tags are a list of str, not {type(tags).__name__}")
    return tuple(dict.fromkeys(word.strip() for word in map(str, words) if word.strip()))


def _text(name: str, value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} is a str, not {type(value).__name__}")
    return value or None


def _one_of(name: str, value: Any, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise UsageError(f"{name} is {value!r}; it can be {', '.join(map(repr, allowed))}")
    return str(value)


def _resume(value: Any) -> str | None:
    if value is None or value is False or value == "":
        return None
    return "auto" if value is True else _one_of("resume", value, RESUMES)


def _reinit(value: Any) -> str:
    if value is None or value is False or value == "default":
        return "return_previous"
    return "finish_previous" if value is True else _one_of("reinit", value, REINITS)
