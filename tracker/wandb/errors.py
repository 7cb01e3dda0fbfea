"""The errors of wandb, by its names, so that a script's `except wandb.errors.CommError` finds them."""


class Error(Exception):
    """Base of all below."""


class CommError(Error):
    """Something that a server would have isn't there."""


class AuthenticationError(CommError):
    """Never raised: nobody logs in."""


class UsageError(Error):
    """A call that can't be right: an argument, or the order of calls."""


class UnsupportedError(UsageError):
    """A part of wandb that has no counterpart here; the message says what to do instead."""


class ConfigError(Error):
    """A config's value would change, and nobody said that it may."""


def before_init(what: str) -> Error:
    """The error of a call that needs a run."""
    return Error(f"there is no run for wandb.{what}: call wandb.init() before it")
