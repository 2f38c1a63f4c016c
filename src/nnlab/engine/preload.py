"""What a worker's parent imports once for all of them: training, and TensorFlow with it.

TensorFlow's libraries write to stderr before they read their log level; that is held back, unless the user wants it.
"""

from __future__ import annotations

import os
import signal

signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started the workers, who then ends them
if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "3":
    _stderr, _nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(_nothing, 2)
    try:
        import nnlab.train
    finally:
        os.dup2(_stderr, 2)
        os.close(_stderr)
        os.close(_nothing)
else:
    import nnlab.train  # noqa: F401
