"""What a worker's parent imports once for all of them: training, and TensorFlow with it.

TensorFlow's libraries write to stderr before they read their log level; that is held back, unless the user wants it.
"""

from __future__ import annotations

import os
import signal

from nnlab.environment import import_keras, imports_that_stay

signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started the workers, who then ends them
_is_quiet = os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "3"
_stderr = os.dup(2)
if _is_quiet:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
try:
    import_keras()
    with imports_that_stay():
        import nnlab.train  # noqa: F401

    if _is_quiet:
        import tensorflow as tf

        tf.get_logger().setLevel("ERROR")  # a worker makes many programs, which is no mistake
finally:
    os.dup2(_stderr, 2)
    os.close(_stderr)
