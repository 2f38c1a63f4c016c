"""The data sets that a config may name, one function each. To add one, write it here."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from annotated_types import Ge, Le

from nnlab.catalog import Parameter
from nnlab.data.registry import (
    SOURCES,
    Decimal,
    Delimiter,
    Deviation,
    Encoding,
    Hours,
    Made,
    Noise,
    Points,
    RawData,
    Request,
    Samples,
    Temperature,
    WrongShare,
    dataset,
)

__all__ = ["SOURCES"]

_SKLEARN = "https://scikit-learn.org/stable/datasets/toy_dataset.html"
_PLAYGROUND = "https://playground.tensorflow.org"
_KERAS = "https://keras.io/api/datasets"


@dataset(url=f"{_SKLEARN}#optical-recognition-of-handwritten-digits-dataset")
def digits(_: Request) -> RawData:
    """1,797 handwritten digits of 8 x 8 pixels (0 to 16) as 64 features, in 10 classes; needs no network."""
    return replace(_bundled("digits", target="digit", task="classification"), picture_shape=(8, 8))


@dataset(url=f"{_SKLEARN}#iris-plants-dataset")
def iris(_: Request) -> RawData:
    """150 flowers with 4 measures in cm, in 3 classes of 50; needs no network."""
    return _bundled("iris", target="species", task="classification")


@dataset(url=f"{_SKLEARN}#wine-recognition-dataset")
def wine(_: Request) -> RawData:
    """178 wines with 13 measures, in 3 classes; needs no network."""
    return _bundled("wine", target="cultivar", task="classification")


@dataset(url=f"{_SKLEARN}#breast-cancer-wisconsin-diagnostic-dataset")
def breast_cancer(_: Request) -> RawData:
    """569 tumours with 30 measures, malignant or benign; needs no network."""
    return _bundled("breast_cancer", target="diagnosis", task="classification")


@dataset(url=f"{_SKLEARN}#diabetes-dataset")
def diabetes(_: Request) -> RawData:
    """442 patients with 10 scaled measures and how far their disease went in a year; needs no network."""
    return _bundled("diabetes", target="progression", task="regression")


def _bundled(name: str, *, target: str, task: Any) -> RawData:
    """Return a data set that ships inside scikit-learn, which takes longer to import than the rows to read."""
    from importlib.metadata import version

    from nnlab.data.cache import cached

    def load() -> RawData:
        from sklearn import datasets

        return _from_sklearn(getattr(datasets, f"load_{name}")(), target=target, task=task)

    return cached(name, load, version=version("scikit-learn"))


def _from_sklearn(bunch: Any, *, target: str, task: Any) -> RawData:
    names = bunch.target_names if task == "classification" else ()
    return RawData.of_one(
        bunch.data,
        bunch.target,
        target=target,
        feature_names=tuple(str(name) for name in bunch.feature_names),
        class_names=tuple(str(name) for name in names),
        task=task,
    )


@dataset(url="https://scikit-learn.org/stable/datasets/real_world.html#california-housing-dataset")
def california_housing(_: Request) -> RawData:
    """20,640 districts with 8 features and their median house value in units of 100,000 dollars."""
    from nnlab.data.downloads import fetch_california_housing

    return _from_sklearn(fetch_california_housing(), target="MedHouseVal", task="regression")


@dataset(url=f"{_KERAS}/fashion_mnist/", takes=["path"], split="order")
def fashion_mnist(request: Request) -> RawData:
    """70,000 pictures of clothes, 28 x 28 pixels (0 to 255), in 10 classes; 10,000 are the test set."""
    from nnlab.data.downloads import load_images

    return load_images("fashion_mnist", path=request.config.one_path)


@dataset(url=f"{_KERAS}/mnist/", takes=["path"], split="order")
def mnist(request: Request) -> RawData:
    """70,000 handwritten digits, 28 x 28 pixels (0 to 255), in 10 classes; 10,000 are the test set."""
    from nnlab.data.downloads import load_images

    return load_images("mnist", path=request.config.one_path)


@dataset(url=f"{_KERAS}/cifar10/", takes=["path"], split="order")
def cifar10(request: Request) -> RawData:
    """60,000 colour pictures, 32 x 32 x 3 (0 to 255), in 10 classes; 10,000 are the test set."""
    from nnlab.data.downloads import load_images

    return load_images("cifar10", path=request.config.one_path)


def _generated(name: str, request: Request, samples: int, noise: float) -> RawData:
    from nnlab.data import generated

    made: RawData = getattr(generated, name)(samples, noise=noise, seed=request.seed)
    return made


@dataset(url=_PLAYGROUND)
def circle(request: Request, *, samples: Samples = 500, noise: Noise = 0.1) -> RawData:
    """A disc inside a ring, two classes in the plane."""
    return _generated("circle", request, samples, noise)


@dataset(url=_PLAYGROUND)
def xor(request: Request, *, samples: Samples = 500, noise: Noise = 0.1) -> RawData:
    """Four squares, opposite ones of one class: no straight line parts the two classes."""
    return _generated("xor", request, samples, noise)


@dataset(url=_PLAYGROUND)
def gauss(request: Request, *, samples: Samples = 500, noise: Noise = 0.1) -> RawData:
    """Two clouds, which a straight line parts."""
    return _generated("gauss", request, samples, noise)


@dataset(url=_PLAYGROUND)
def spiral(request: Request, *, samples: Samples = 500, noise: Noise = 0.1) -> RawData:
    """Two spirals wound into each other, the hardest of the Playground's pictures."""
    return _generated("spiral", request, samples, noise)


@dataset(url="https://scikit-learn.org/stable/modules/generated/sklearn.datasets.make_moons.html")
def moons(request: Request, *, samples: Samples = 500, noise: Noise = 0.1) -> RawData:
    """Two half circles that reach into each other."""
    return _generated("moons", request, samples, noise)


@dataset()
def shapes(
    request: Request,
    *,
    samples: Annotated[int, Ge(10), Le(1_000_000), "pictures, as many of each shape"] = 1000,
    pixels: Annotated[int, Ge(8), Le(512), "height and width"] = 32,
    noise: Annotated[float, Ge(0.0), Le(1.0), "standard deviation of what is added to pixels, of their range"] = 0.1,
) -> RawData:
    """Colour pictures (0 to 255) of circles, crosses, squares and triangles of any size and colour, generated."""
    from nnlab.data import shapes as drawn

    return drawn.shapes(samples, size=pixels, noise=noise, seed=request.seed)


def _function(name: str, request: Request, samples: int, noise: float) -> RawData:
    from nnlab.data import functions

    made: RawData = getattr(functions, name)(samples, noise=noise, seed=request.seed)
    return made


@dataset()
def sine(request: Request, *, samples: Points = 500, noise: Deviation = 0.0) -> RawData:
    """One period of the sine, from -pi to pi: a smooth function to approximate."""
    return _function("sine", request, samples, noise)


@dataset()
def step(request: Request, *, samples: Points = 500, noise: Deviation = 0.0) -> RawData:
    """0 below 0, 1 from 0 on, between -2 and 2: what a steep sigmoid unit can be."""
    return _function("step", request, samples, noise)


@dataset()
def bump(request: Request, *, samples: Points = 500, noise: Deviation = 0.0) -> RawData:
    """1 between -1 and 1, else 0, between -2 and 2: two steps make one, and many make any function."""
    return _function("bump", request, samples, noise)


@dataset(takes=["target", "ignore", "missing", "split"])
def reviews(request: Request, *, samples: Made = 2000, noise: WrongShare = 0.0) -> RawData:
    """Sentences and their opinion: `not` turns a word round, and behind `but` stands what counts."""
    from nnlab.data import generated_tables, tables

    frame = generated_tables.reviews(samples, noise=noise, seed=request.seed)
    return tables.made_table(frame, request.config, target="opinion")


@dataset(takes=["target", "ignore", "missing", "split"])
def bookings(request: Request, *, samples: Made = 4000, noise: Temperature = 1.0) -> RawData:
    """Bookings of rooms, cancelled or not: ids, dates, classes, numbers, text, and some of it missing."""
    from nnlab.data import generated_tables, tables

    frame = generated_tables.bookings(samples, noise=noise, seed=request.seed)
    return tables.made_table(frame, request.config, target="cancelled")


@dataset(takes=["target", "ignore", "missing", "split", "window"])
def electricity(request: Request, *, hours: Hours = 5000, noise: Noise = 0.02) -> RawData:
    """The load of a made-up town by the hour, in MW: it follows day, week and weather, and some of it drifts."""
    from nnlab.data import generated_tables, tables

    frame = generated_tables.electricity(hours, noise=noise, seed=request.seed)
    return tables.made_table(frame, request.config, target="load")


@dataset(
    needs=["path", "target"],
    takes=["files", "ignore", "missing", "split", "storage", "window", "weight"],
    split="stratified",
)
def csv(
    request: Request, *, encoding: Encoding = "auto", delimiter: Delimiter = "auto", decimal: Decimal = "auto"
) -> RawData:
    """A table in CSV files at `path`, packed or not, with column names in the first line of each."""
    from nnlab.data.tables import read_csv_table

    return read_csv_table(request.config, encoding, delimiter, decimal)


@dataset(
    needs=["path", "target"],
    takes=["files", "ignore", "missing", "split", "storage", "window", "weight"],
    split="stratified",
)
def parquet(request: Request) -> RawData:
    """A table in Parquet files at `path`; needs the package `pyarrow`."""
    from nnlab.data.tables import read_parquet_table

    return read_parquet_table(request.config)


@dataset(needs=["columns", "target"], takes=["ignore", "missing", "split", "window", "weight"], split="stratified")
def inline(request: Request) -> RawData:
    """A small table written into the config, as `columns: {x: [0, 1], y: [1, 0]}`."""
    from nnlab.data.tables import read_inline_table

    return read_inline_table(request.config)


@dataset(needs=["path"], takes=["target", "split", "window", "weight", "storage"], split="stratified")
def npz(request: Request) -> RawData:
    """NumPy arrays in an NPZ file at `path`: `x` and `y`, or those that `features` and `target` name."""
    from nnlab.data.arrays import read_npz

    return read_npz(request.config)


@dataset(needs=["object"], takes=["target", "ignore", "missing", "split", "window", "weight"], split="stratified")
def python(request: Request) -> RawData:
    """What a function of your own returns, `object: my_data.py:load`: arrays, a DataFrame or a tf.data.Dataset."""
    from nnlab.data.python_rows import read_python

    return read_python(request.config, seed=request.seed)


_INTERPOLATIONS = ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")
_Text = Parameter("", types=("str",))


@dataset(url="https://keras.io/api/data_loading/image/", needs=["path"], takes=["target", "split"], split="stratified")
def images(
    request: Request,
    *,
    size: Annotated[
        Any,
        Parameter(
            "",
            types=("int", "list"),
            items=("int",),
            minimum=1,
            maximum=8192,
            description="height and width in pixels, `[64, 96]`; one number for both",
        ),
    ],
    color: Annotated[str, _Text._replace(choices=("rgb", "grayscale"), description="3 channels or 1")] = "rgb",
    resize: Annotated[
        str,
        _Text._replace(
            choices=("stretch", "crop_to_aspect_ratio", "pad_to_aspect_ratio"),
            description="how another aspect ratio is made to fit: pulled, the middle cut out, or black bars added",
        ),
    ] = "stretch",
    interpolation: Annotated[
        str, _Text._replace(choices=_INTERPOLATIONS, description="how pixels between pixels are made")
    ] = "bilinear",
    labels: Annotated[
        str | None,
        _Text._replace(
            types=("str", "null"),
            file_in="path",
            description="a CSV file of names and labels, relative to the folder; without it each folder is a class",
        ),
    ] = None,
    files: Annotated[
        str | None,
        _Text._replace(types=("str", "null"), description="its column of file names; the first if it is left out"),
    ] = None,
    broken: Annotated[
        str,
        _Text._replace(
            choices=("skip", "error"),
            description="what to do about files that cannot be decoded: leave them out, or stop",
        ),
    ] = "skip",
    cache: Annotated[
        str,
        _Text._replace(
            choices=("uint8", "float32"),
            description="how decoded pictures are kept: rounded, or every bit of what Keras gives, in 4 times the room",
        ),
    ] = "uint8",
) -> RawData:
    """Pictures (JPEG, PNG, GIF, BMP, WebP) in the folder at `path`: a folder a class, or a table of labels."""
    from nnlab.data.pictures.form import PictureForm
    from nnlab.data.pictures.source import read_pictures, square

    height_and_width = square(size, ("data", "source", "images", "size"))
    form = PictureForm(height_and_width, color, resize, interpolation, cache)
    return read_pictures(request.config, form, labels=labels, files=files, stops_at_broken=broken == "error")
