from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nnlab.config.data import DataConfig
from nnlab.data.loading import load_data
from nnlab.data.splits import Splits
from nnlab.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

Load = Callable[..., Splits]


@pytest.fixture
def load() -> Load:
    """Load data as a config's `data` section says: `load(seed=0, source="iris", ...)`."""

    def load(*, seed: int = 0, **section: Any) -> Splits:
        return load_data(DataConfig.read(section), seed=seed)

    return load


@pytest.fixture
def table(load: Load, tmp_path: Path) -> Callable[..., Splits]:
    """Load a data frame by a CSV file."""

    def loaded(frame: pd.DataFrame, **section: Any) -> Splits:
        path = tmp_path / "t.csv"
        frame.to_csv(path, index=False)
        return load(**{"source": "csv", "path": str(path), "target": "y", **section})

    return loaded


@pytest.fixture
def error_text() -> Callable[..., str]:
    """Return the text of the error that loading ends in."""

    def error_text(load: Load, **section: Any) -> str:
        with pytest.raises(DataError) as error:
            load(**section)
        return str(error.value)

    return error_text
