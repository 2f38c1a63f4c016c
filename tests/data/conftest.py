from collections.abc import Callable
from typing import Any

import pytest

from nnlab.config.data import DataConfig
from nnlab.data.loading import load_data
from nnlab.data.splits import Splits
from nnlab.errors import DataError

Load = Callable[..., Splits]


@pytest.fixture
def load() -> Load:
    """Load data as a config's `data` section says: `load(seed=0, source="iris", ...)`."""

    def load(*, seed: int = 0, **section: Any) -> Splits:
        return load_data(DataConfig.read(section), seed=seed)

    return load


@pytest.fixture
def error_text() -> Callable[..., str]:
    """Return the text of the error that loading ends in."""

    def error_text(load: Load, **section: Any) -> str:
        with pytest.raises(DataError) as error:
            load(**section)
        return str(error.value)

    return error_text
