"""The training loops, and which of them trains a model."""
