"""Hyperparameter search: space -> oracle (what is tried) -> search (what follows) -> study (in a run directory)."""
