"""Config and data -> a compiled Keras model."""
