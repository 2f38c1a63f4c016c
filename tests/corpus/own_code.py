"""What the configs of this folder name."""

import keras

raise RuntimeError("nobody has trusted this")


def swish2(x, beta: float = 1.5):
    return x * keras.ops.sigmoid(beta * x)


def lonely(y_true):
    return y_true


class Scaled(keras.layers.Layer):
    def __init__(self, start: float, **kwargs):
        super().__init__(**kwargs)
        self.start = start


class Nameless(keras.metrics.Metric):
    def __init__(self):
        super().__init__(name="nameless")
