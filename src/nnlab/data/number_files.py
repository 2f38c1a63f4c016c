"""Files that hold numbers and nothing else: no features, no targets."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nnlab.data.archives import opened, read_array
from nnlab.data.csv_files import CsvForm, has_header
from nnlab.data.files import kind_of_input, reading
from nnlab.data.parquet_files import parquet_table
from nnlab.data.table import Fault, numbers
from nnlab.data.tables import csv_table
from nnlab.data.text_files import TextFile
from nnlab.errors import DataError, Problem
from nnlab.wording import listed


@reading()
def read_numbers(file: Path) -> np.ndarray:
    """Read the numbers of a CSV, Parquet, NPY or NPZ file.

    Returns:
        `[rows, columns]` of a table, `[rows]` of one with a single column; the only array of an NPY or NPZ file.

    Raises:
        DataError: there are other things than finite numbers in a table, or several arrays.
    """
    kind = kind_of_input(file)
    if kind in ("npy", "npz"):
        with opened(file, "save it with `np.save(path, values)`") as loaded:
            if isinstance(loaded, np.ndarray):
                return loaded
            if len(loaded.files) != 1:
                message = f"the file has several arrays: {listed(loaded.files)}"
                raise DataError(Problem(message, "save one of them with `np.save(path, values)`", file=str(file)))
            loaded.require(loaded.files)
            return read_array(file, loaded, loaded.files[0])
    table = (
        parquet_table(file, for_training=False)
        if kind == "parquet"
        else csv_table(file, form=CsvForm(header=has_header(TextFile.of(file))), for_training=False)
    )
    columns = [numbers(table, position) for position in range(table.frame.shape[1])]
    DataError.raise_any(table.problems(column for column in columns if isinstance(column, Fault)))
    values = np.stack([column for column in columns if not isinstance(column, Fault)], axis=1)
    return values[:, 0] if values.shape[1] == 1 else values
