"""Folders of pictures as arrays: which files, decoded once by TensorFlow in a process of its own, kept in the cache."""
