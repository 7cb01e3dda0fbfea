"""The helpers of wandb.util that scripts call."""

import secrets
import string


def generate_id(length: int = 8) -> str:
    """Give a new id of small letters and digits, for `wandb.init(id=...)`."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(length))
