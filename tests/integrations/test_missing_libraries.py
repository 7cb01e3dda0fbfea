"""An integration whose library isn't installed says how to install it."""

import importlib
import sys

import pytest


@pytest.mark.parametrize(
    ("name", "hidden", "command"),
    [
        ("torch", ["torch"], "pip install torch"),
        ("lightning", ["lightning", "pytorch_lightning"], "pip install lightning"),
        ("transformers", ["transformers"], r"pip install 'transformers\[torch\]'"),
        ("keras", ["keras"], "pip install keras"),
        ("xgboost", ["xgboost"], "pip install xgboost"),
        ("lightgbm", ["lightgbm"], "pip install lightgbm"),
    ],
)
def test_a_missing_library_is_named_with_its_command(
    monkeypatch: pytest.MonkeyPatch, name: str, hidden: list[str], command: str
) -> None:
    """An ImportError, at the import of the integration."""
    module = f"tracker.integrations.{name}"
    for library in hidden:
        for loaded in [key for key in sys.modules if key.partition(".")[0] == library]:
            monkeypatch.delitem(sys.modules, loaded)
        monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, module, raising=False)

    with pytest.raises(ImportError, match=command):
        importlib.import_module(module)
