"""Names of Ray that its documentation does not promise."""

from __future__ import annotations

import ray

READ_FROM = {"ray": "2.60.0"}


def silence() -> None:
    """Keep what Ray's daemons say of a lost node off stdout, where results belong."""
    ray._private.worker.print_to_stdstream = lambda *_, **__: None
