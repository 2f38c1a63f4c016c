"""Data: a source -> `Splits(train, validation, test, spec, record)`."""
