import subprocess
import sys

import numpy as np
import pytest

from nnlab import catalog
from nnlab.data.sources import SOURCES

GENERATED = ("circle", "xor", "gauss", "spiral", "moons")


def test_importing_the_package_imports_nothing_heavy():
    code = (
        "import sys, nnlab.data, nnlab.data.sources;"
        "print([m for m in ('numpy', 'pandas', 'sklearn', 'keras') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_loading_a_table_imports_neither_keras_nor_tensorflow(tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n" + "1.5,2.5\n" * 10)
    code = (
        "import sys; from nnlab.config.data import DataConfig; from nnlab.data.loading import load_data;"
        f"config = DataConfig.read(dict(source='csv', path={str(tmp_path / 't.csv')!r}, target='y'));"
        "load_data(config, seed=0);"
        "print([m for m in ('sklearn', 'keras', 'tensorflow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_catalog_knows_every_source_with_its_summary():
    entries = catalog.entries("datasets")
    assert entries.keys() == SOURCES.keys()
    assert all(entry.summary and not entry.summary.endswith(".") for entry in entries.values())
    assert entries["spiral"].object == "nnlab.data.sources.spiral"


def test_parameters_come_from_the_signature():
    samples, noise = catalog.entries("datasets")["spiral"].parameters.values()
    assert (samples.name, samples.default, samples.types, samples.minimum) == ("samples", 500, ("int",), 10)
    assert (noise.name, noise.default, noise.types, noise.minimum) == ("noise", 0.1, ("float",), 0.0)


@pytest.mark.parametrize(
    ("name", "shape", "task", "outputs", "classes"),
    [
        ("digits", (64,), "multiclass", 10, 10),
        ("iris", (4,), "multiclass", 3, 3),
        ("wine", (13,), "multiclass", 3, 3),
        ("breast_cancer", (30,), "binary", 1, 2),
        ("diabetes", (10,), "regression", 1, None),
        *((name, (2,), "binary", 1, 2) for name in GENERATED),
    ],
)
def test_built_in_sets_need_no_files(load, name, shape, task, outputs, classes):
    spec = load(source=name).spec
    assert (
        spec.input_shapes[""],
        spec.targets[""].task,
        spec.targets[""].num_outputs,
        spec.targets[""].num_classes,
    ) == (
        shape,
        task,
        outputs,
        classes,
    )
    assert spec.targets[""].inferred_task
    assert len(spec.feature_names) == shape[0]


@pytest.mark.parametrize("name", GENERATED)
def test_generated_points_depend_on_the_seed_alone(load, name):
    first, same, other = (load(source=name, seed=seed).train for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.x[""], same.x[""])
    np.testing.assert_array_equal(first.y[""], same.y[""])
    assert not np.array_equal(first.x[""], other.x[""])


@pytest.mark.parametrize("name", GENERATED)
def test_generated_points_are_split_evenly_and_within_the_plot(load, name):
    train = load(source={name: {"samples": 101, "noise": 0.0}}, test=0, validation=0).train
    assert train.x[""].shape == (101, 2)
    assert np.bincount(train.y[""][:, 0].astype(int)).tolist() == [51, 50]
    assert np.abs(train.x[""]).max() < 6.1


def test_circle_and_xor_without_noise_are_what_their_names_say(load):
    circle = load(source={"circle": {"noise": 0}}, test=0, validation=0).train
    assert np.array_equal(np.hypot(*circle.x[""].T) < 3, circle.y[""][:, 0] == 1)
    xor = load(source={"xor": {"noise": 0}}, test=0, validation=0).train
    assert np.array_equal(xor.x[""][:, 0] * xor.x[""][:, 1] > 0, xor.y[""][:, 0] == 1)


def test_moons_without_noise_are_scikit_learns(load):
    from sklearn.datasets import make_moons

    ours = load(source={"moons": {"samples": 50, "noise": 0}}, test=0, validation=0).train.x[""]
    theirs = (4 * (make_moons(50, shuffle=False)[0] - [0.5, 0.25])).astype(np.float32)
    np.testing.assert_allclose(ours[np.lexsort(ours.T)], theirs[np.lexsort(theirs.T)], atol=1e-6)


def test_noise_moves_the_points_of_a_spiral(load):
    clean, noisy = (load(source={"spiral": {"noise": noise}}, test=0, validation=0).train.x[""] for noise in (0.0, 0.5))
    moved = np.abs(clean - noisy)
    assert 0.4 < moved.max() <= 0.5 + 1e-6


@pytest.mark.parametrize(
    ("name", "end", "function"),
    [
        ("sine", np.pi, np.sin),
        ("step", 2.0, lambda x: x >= 0),
        ("bump", 2.0, lambda x: abs(x) <= 1),
    ],
)
def test_a_function_of_one_number_is_drawn_over_its_interval(load, name, end, function):
    splits = load(source={name: {"samples": 400}}, validation=0, test=0)
    x, y = splits.train.x[""], splits.train.y[""]
    np.testing.assert_allclose(y, function(x.astype(np.float64)), atol=1e-6)
    assert (x.min(), x.max()) == pytest.approx((-end, end), abs=0.1)
    noisy = load(source={name: {"samples": 400, "noise": 0.1}}, validation=0, test=0)
    np.testing.assert_array_equal(noisy.train.x[""], x)
    assert float(np.std(noisy.train.y[""] - y)) == pytest.approx(0.1, abs=0.01)
