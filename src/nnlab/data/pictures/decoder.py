"""`python -m nnlab.data.pictures.decoder`: decodes pictures, in a process of its own.

TensorFlow's threads cannot be chosen any more once it has computed anything, and decoders meet files of any origin.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from nnlab.data.pictures.form import PictureForm
from nnlab.environment import import_keras

_TOLD_EVERY = 50


def main() -> None:
    """Read files, form and the array's path from stdin; tell on stdout how far it is and what is broken, by JSON lines.

    The array has the pictures that can be decoded, without gaps.
    """
    import_keras()  # TensorFlow imports it, with what only its plots need, which takes as long as all else
    request = json.load(sys.stdin)
    out, sys.stdout = sys.stdout, sys.stderr  # nothing else may be printed between
    broken = write_pictures(
        request["files"], PictureForm.from_json(request["form"]), Path(request["array"]), lambda done: _tell(out, done)
    )
    _tell(out, {"broken": broken})


def _tell(out: IO[str], what: Any) -> None:
    out.write(json.dumps(what) + "\n")
    out.flush()


def write_pictures(
    files: Sequence[str], form: PictureForm, array: Path, tell: Callable[[int], None] = lambda _: None
) -> dict[int, str]:
    """Write what pictures are made into to a file of nothing but their numbers.

    Returns:
        Why pictures cannot be decoded, by their numbers in `files`; they have no place in the file.
    """
    broken: dict[int, str] = {}
    with array.open("wb") as stream:
        for number, picture in enumerate(decoded(files, form)):
            if isinstance(picture, str):
                broken[number] = picture
            else:
                stream.write(picture)
            if number % _TOLD_EVERY == 0:
                tell(number)
    return broken


def decoded(files: Sequence[str], form: PictureForm) -> Iterator[bytes | str]:
    """Yield the numbers of each picture, as bytes, or why it cannot be decoded."""
    import tensorflow as tf

    paths = tf.data.Dataset.from_tensor_slices([os.fsencode(file) for file in files])
    pictures = paths.map(_loader(form), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    found = iter(pictures)
    for file in files:
        try:
            yield next(found).numpy().tobytes()
        except tf.errors.OpError as error:
            yield _by_colour(file, form) if form.color == "grayscale" else _reason(error)


def _by_colour(file: str, form: PictureForm) -> bytes | str:
    """Make a grey picture of a colour one, where the decoder gives no grey: of GIF, BMP, WebP and CMYK."""
    import tensorflow as tf

    try:
        picture: bytes = _loader(form, by_colour=True)(os.fsencode(file)).numpy().tobytes()
    except tf.errors.OpError as error:
        return _reason(error)
    return picture


def _loader(form: PictureForm, *, by_colour: bool = False) -> Callable[[Any], Any]:
    """Return what `keras.utils.image_dataset_from_directory` does with a path, and rounding if that is asked for."""
    import tensorflow as tf

    height, width = form.size

    def load(path: Any) -> Any:
        channels = 3 if by_colour else form.shape[2]
        picture = tf.image.decode_image(tf.io.read_file(path), channels=channels, expand_animations=False)
        if by_colour:
            picture = tf.image.rgb_to_grayscale(picture)
        if form.resize == "pad_to_aspect_ratio":
            picture = tf.image.resize_with_pad(picture, height, width, method=form.interpolation)
        else:
            if form.resize == "crop_to_aspect_ratio":
                picture = _cropped(picture, height, width)
            picture = tf.image.resize(picture, form.size, method=form.interpolation)
        if form.cache == "uint8":
            return tf.saturate_cast(tf.round(tf.cast(picture, tf.float32)), tf.uint8)
        return tf.cast(picture, tf.float32)

    return load


def _cropped(picture: Any, height: int, width: int) -> Any:
    """Cut the middle out, of the aspect ratio wanted, by the steps and roundings of `keras`'s `smart_resize`."""
    import tensorflow as tf

    def length(of: Any, by: int, over: int, most: Any) -> Any:
        return tf.maximum(tf.minimum(most, tf.cast(tf.cast(of * by, tf.float32) / over, tf.int32)), 1)

    shape = tf.shape(picture)
    rows, columns = shape[0], shape[1]
    kept_rows, kept_columns = length(columns, height, width, rows), length(rows, width, height, columns)
    top = tf.cast(tf.cast(rows - kept_rows, tf.float32) / 2, tf.int32)
    left = tf.cast(tf.cast(columns - kept_columns, tf.float32) / 2, tf.int32)
    return picture[top : top + kept_rows, left : left + kept_columns, :]


def _reason(error: Any) -> str:
    """Return TensorFlow's own words, without where in its graph it said them."""
    first = str(error.message).strip().splitlines()[0]
    said = re.sub(r"^.*(?:\}\}|Iterator::\S+:)\s*", "", first)
    return re.sub(r"\s*\[Op:.*$", "", said).rstrip(".")


if __name__ == "__main__":
    main()
