"""nnlab's own Keras objects; importing this package lets Keras load models that hold them."""

from nnlab.layers.activations import ActivationFunction as ActivationFunction
