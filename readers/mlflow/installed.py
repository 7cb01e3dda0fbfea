"""Whether MLflow is installed, and enough of it: for a server its client is enough, a database takes all of it.

Asked of what pip wrote down, so that nothing is imported; a training imports no MLflow.
"""

from importlib.metadata import PackageNotFoundError, version

from ingest.errors import ForwardingError
from readers.mlflow.address import is_database, without_credentials

ALL, CLIENT = "mlflow", "mlflow-skinny"


def check_installed(uri: str, otherwise: str = "") -> None:
    """Return if it is.

    Args:
        otherwise: what else one can do, for the error.

    Raises: ForwardingError: it isn't; says what to install.
    """
    if _is_installed(ALL):
        return
    if not _is_installed(CLIENT):
        raise ForwardingError(
            "this needs MLflow, which isn't installed: pip install 'steplog[mlflow]' (or 'steplog[mlflow-client]', "
            f"which is enough for a server){otherwise}"
        )
    if is_database(uri):
        raise ForwardingError(
            f"{without_credentials(uri)!r} is a database, and of MLflow only the client is installed, which knows "
            f"servers: pip install 'steplog[mlflow]', or give a server's address, http://host:5000{otherwise}"
        )


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True
