"""Columns of tables as a network takes them: fitted on training rows, and applied to all others."""
