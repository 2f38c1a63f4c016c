"""Targets by output name, and rows that come from several arrays."""

import json

import numpy as np
import pytest

from nnlab.data.features import read_features
from nnlab.data.splits import DataSpec
from nnlab.errors import DataError

COLUMNS = {
    "x": [1.0, 2.0, 3.0, 4.0],
    "z": [9.0, 8.0, 7.0, 6.0],
    "who": ["cid", "ann", "bob", "ann"],
    "score": [0.5, 1.5, 2.5, 3.5],
    "height": [5, 6, 7, 8],
}


def inline(load, target, **section):
    whole = {"source": "inline", "columns": COLUMNS, "test": 0, "validation": 0}
    return load(**whole, target=target, **section)


@pytest.fixture
def arrays():
    """Pictures, measures and an only number for each of 12 rows, and what is to be predicted."""
    random = np.random.default_rng(0)
    return {
        "image": random.integers(0, 256, (12, 2, 3), dtype=np.uint8),
        "meta": random.normal(size=(12, 4)),
        "kind": np.arange(12) % 3,
        "y": np.arange(12) % 2,
    }


@pytest.fixture
def load_npz(load, tmp_path):
    def load_npz(arrays, **section):
        np.savez(tmp_path / "data.npz", **arrays)
        return load(source="npz", path=str(tmp_path / "data.npz"), **{"validation": 0, **section})

    return load_npz


def test_each_output_has_its_own_task_and_encoding(load):
    splits = inline(load, {"main": "who", "aux": ["score", "height"]})
    main, aux = splits.spec.targets["main"], splits.spec.targets["aux"]
    assert (main.task, main.class_names, main.names, main.inferred_task) == (
        "multiclass", ("ann", "bob", "cid"), ("who",), True,
    )  # fmt: skip
    assert (aux.task, aux.shape, aux.names) == ("regression", (2,), ("score", "height"))
    assert splits.train.y["main"].tolist() == [2, 0, 1, 0]
    assert splits.train.y["aux"].tolist() == [[0.5, 5], [1.5, 6], [2.5, 7], [3.5, 8]]
    assert splits.spec.feature_names == ("x", "z")


def test_the_task_of_each_output_can_be_said(load):
    target = {"main": "height", "aux": "height"}
    spec = inline(load, target, features="x", task={"main": "classification"}).spec
    assert (spec.targets["main"].task, spec.targets["aux"].task) == ("multiclass", "regression")
    assert not spec.targets["main"].inferred_task
    assert spec.targets["aux"].inferred_task


def test_an_output_may_give_back_the_scaled_inputs(load):
    splits = inline(load, {"main": "score", "again": "inputs"}, features=["x", "z"], scale=2)
    assert splits.train.y["again"].tolist() == splits.train.x[""].tolist() == [[0.5, 4.5], [1, 4], [1.5, 3.5], [2, 3]]
    again = splits.spec.targets["again"]
    assert (again.predicts_inputs, again.shape, again.names) == (True, (2,), ("x", "z"))


def test_a_built_in_sets_own_target_is_named(load):
    splits = load(source="iris", target={"main": "species", "again": "inputs"})
    assert splits.spec.targets["main"].num_classes == 3
    assert splits.train.y["again"] is splits.train.x[""]


def test_a_target_for_the_only_output_is_an_ordinary_one(load):
    splits = inline(load, {"main": "who"}, class_weight={"main": "balanced"})
    assert splits.spec.targets[""].class_names == ("ann", "bob", "cid")
    assert splits.train.y[""].tolist() == [2, 0, 1, 0]


def test_classes_still_choose_the_rows_of_an_autoencoder(load):
    splits = load(source="digits", target="inputs", classes=[3, 5], task="regression")  # as a run's config says it
    assert splits.spec.num_train + splits.spec.num_validation + splits.spec.num_test == 183 + 182
    assert splits.spec.targets[""].predicts_inputs


def test_class_weights_go_by_output(load):
    weights = {"main": "balanced", "aux": {5: 2, 8: 3}}
    spec = inline(load, {"main": "who", "aux": "height"}, task={"aux": "classification"}, class_weight=weights).spec
    assert spec.class_weight_of("main") == pytest.approx({0: 4 / 6, 1: 4 / 3, 2: 4 / 3})
    assert spec.class_weight_of("aux") == {0: 2.0, 1: 1.0, 2: 1.0, 3: 3.0}


def test_outputs_that_share_a_target_may_weigh_its_classes_differently(load):
    spec = load(source="iris", class_weight={"main": {"setosa": 2}}).spec
    assert spec.class_weight_of("main") == {0: 2.0, 1: 1.0, 2: 1.0}
    assert spec.class_weight_of("aux") is None


def test_class_weights_for_all_outputs_need_classes_in_all(load, error_text):
    whole = {"source": "inline", "columns": COLUMNS, "test": 0, "validation": 0}
    assert error_text(load, target={"main": "who", "aux": "score"}, class_weight="balanced", **whole) == (
        "data.class_weight.aux: `class_weight` needs classes, but the task is regression\n"
        "  hint: name the outputs that have classes: `class_weight: {OUTPUT: balanced}`"
    )


def test_the_mistakes_of_all_outputs_are_told_at_once(load, error_text):
    target = {"main": "wo", "aux": ["score", 9], "more": []}
    section = {"source": "inline", "columns": COLUMNS, "target": target}
    assert error_text(load, **section) == (
        "data.target.main[0]: unknown column `wo`\n"
        "  hint: did you mean `who`?\n"
        "data.target.aux[1]: there is no column 9\n"
        "  hint: columns count from 0 to 4\n"
        "data.target.more: `target` names no column\n"
        "  hint: one of `x`, `z`, `who`, `score`, `height`"
    )


def test_arrays_are_read_by_name_and_the_rest_is_left_alone(load_npz, arrays):
    splits = load_npz(arrays | {"name": np.array(["a"] * 12)}, features=["image", "meta"], test=0)
    np.testing.assert_array_equal(splits.train.x["image"], arrays["image"])
    assert splits.spec.input_shapes == {"image": (2, 3), "meta": (4,)}
    assert splits.spec.array_names == ("image", "meta")
    assert splits.train.count == splits.spec.num_train == 12


def test_all_arrays_but_the_targets_are_features_where_there_is_no_x(load_npz, arrays):
    splits = load_npz(arrays)
    assert splits.spec.input_shapes == {"image": (2, 3), "meta": (4,), "kind": (1,)}
    assert load_npz(arrays | {"x": arrays["meta"]}).spec.input_shapes == {"x": (4,)}


def test_any_array_may_be_the_target_of_an_output(load_npz, arrays):
    splits = load_npz(arrays, target={"main": "y", "aux": "meta"}, features="image")
    assert (splits.spec.targets["main"].names, splits.spec.targets["aux"].names) == (
        ("y",), ("meta0", "meta1", "meta2", "meta3"),
    )  # fmt: skip
    assert splits.spec.input_shapes == {"image": (2, 3)}
    assert splits.train.y["aux"].shape == (splits.spec.num_train, 4)


def test_an_npz_without_targets_trains_an_autoencoder(load_npz, arrays):
    splits = load_npz({"image": arrays["image"]}, target="inputs", test=0)
    assert splits.spec.targets[""].shape == (2, 3)


def test_named_arrays_may_have_a_test_set(load_npz, arrays):
    tests = {f"{name}_test": array[:5] for name, array in arrays.items()}
    splits = load_npz({f"{name}_train": array for name, array in arrays.items()} | tests, features=["meta", "kind"])
    assert (splits.spec.num_train, splits.spec.num_test, splits.spec.own_test_set) == (12, 5, True)
    np.testing.assert_allclose(splits.test.x["meta"], arrays["meta"][:5], rtol=1e-6)


def test_each_array_is_scaled_by_itself(load_npz, arrays):
    both = load_npz(arrays, scale="standardize", test=0).train.x
    np.testing.assert_allclose(both["meta"].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(both["image"].std(axis=0), 1, atol=1e-5)
    one = load_npz(arrays, scale={"image": 255, "meta": "minmax"}, test=0).train.x
    np.testing.assert_allclose(one["image"], arrays["image"] / 255, rtol=1e-6)
    assert (one["meta"].min(), one["meta"].max(), one["kind"].max()) == (0, 1, 2)


def test_what_a_run_knows_of_outputs_and_arrays_survives_json(load_npz, arrays):
    section = {"target": {"task": "y", "aux": "meta"}, "class_weight": {"task": "balanced"}, "scale": {"kind": 2}}
    spec = load_npz(arrays, **section).spec
    again = DataSpec.from_json(json.loads(json.dumps(spec.to_json())))
    assert again.to_json() == spec.to_json()
    assert again.targets == spec.targets
    assert again.class_weight_of("task") == spec.class_weight_of("task")
    x = {"image": arrays["image"], "kind": arrays["kind"].reshape(-1, 1)}
    np.testing.assert_array_equal(again.scaled(x)["kind"], spec.scaled(x)["kind"])


FAULTS = {
    "names": (
        {},
        {"features": ["imge", "meta", "meta", "y"], "target": {"main": "y", "aux": "why"}},
        "data.target.aux: the file has no array `why`\n"
        "  hint: it holds `image`, `meta`, `kind`, `y`\n"
        "data.features[0]: the file has no array `imge`\n"
        "  hint: did you mean `image`?\n"
        "data.features[2]: `meta` stands twice in `features`\n"
        "  hint: remove one of them\n"
        "data.features[3]: `y` is a target and a feature too\n"
        "  hint: remove one of them",
    ),
    "unequal rows": (
        {"meta": np.ones((11, 4)), "kind": np.ones(13)},
        {"features": ["image", "meta", "kind"]},
        "FILE: `meta` has 11 rows, `y` has 12\nFILE: `kind` has 13 rows, `y` has 12",
    ),
    "text among all arrays": (
        {"name": np.array(["a"] * 12)},
        {},
        "FILE: `name` has the type <U1, expected numbers\n"
        "  hint: list the arrays that are read in `features` and `target`",
    ),
    "test rows of some arrays": (
        {"image_test": np.ones((2, 2, 3))},
        {"features": ["image", "meta"]},
        "FILE: the file has no `meta_test` and `y_test`; it holds `image`, `meta`, `kind`, `y`, `image_test`\n"
        "  hint: save it with `np.savez(path, x=x, y=y)`, or with `x_train`, `y_train`, `x_test`, `y_test`",
    ),
    "columns of several arrays": (
        {},
        {"features": [0, 1]},
        "data.features: columns are chosen of one array, and the file has several: `image`, `meta`, `kind`\n"
        "  hint: name arrays in `features`",
    ),
    "two arrays for one target": (
        {},
        {"target": {"main": ["y", "kind"]}},
        "data.target.main: the target is one array of an NPZ file, received 2 names\n"
        "  hint: store its columns as one array",
    ),
    "unknown array to scale": (
        {},
        {"scale": {"imge": 255}},
        "data.scale.imge: there is no array `imge` to scale\n  hint: did you mean `image`?",
    ),
    "several arrays to give back": (
        {},
        {"target": {"main": "y", "again": "inputs"}},
        "data.target.again: `inputs` are several arrays here, and an output gives one: `image`, `meta`, `kind`\n"
        "  hint: keep one in `features`",
    ),
}


@pytest.mark.parametrize(("more", "section", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_mistakes_with_arrays(load_npz, arrays, tmp_path, more, section, message):
    with pytest.raises(DataError) as error:
        load_npz(arrays | more, **section)
    assert str(error.value).replace(str(tmp_path / "data.npz"), "FILE") == message


def refused(file, spec) -> str:
    with pytest.raises(DataError) as error:
        read_features(file, spec)
    return str(error.value).replace(str(file), file.name)


def test_rows_to_predict_are_found_by_the_names_of_the_arrays(load_npz, arrays, tmp_path):
    spec = load_npz(arrays, features=["image", "kind"], scale={"image": 255}).spec
    np.savez(tmp_path / "new.npz", **{name: array[:3] for name, array in arrays.items()})
    x = read_features(tmp_path / "new.npz", spec)
    np.testing.assert_allclose(x["image"], arrays["image"][:3] / 255, rtol=1e-6)
    assert x["kind"].tolist() == [[0], [1], [2]]


def test_rows_to_predict_that_do_not_fit_are_refused(load_npz, arrays, tmp_path):
    spec = load_npz(arrays, features=["image", "meta"]).spec
    np.savez(tmp_path / "a.npz", image=arrays["image"], y=arrays["y"])
    assert refused(tmp_path / "a.npz", spec) == (
        "a.npz: the file has no `meta`; it holds `image`, `y`\n"
        "  hint: save the rows with `np.savez(path, image=image, meta=meta)`"
    )
    np.savez(tmp_path / "b.npz", image=arrays["image"][:3], meta=arrays["meta"][:2])
    assert refused(tmp_path / "b.npz", spec) == "b.npz: `meta` has 2 rows, `image` has 3"
    np.savez(tmp_path / "c.npz", image=arrays["image"][:, :1], meta=arrays["meta"][:, :3])
    assert "rows of `image` have the shape (1, 3), the model takes (2, 3)" in refused(tmp_path / "c.npz", spec)
    assert "rows of `meta` have the shape (3,), the model takes (4,)" in refused(tmp_path / "c.npz", spec)
    np.save(tmp_path / "d.npy", arrays["meta"])
    assert refused(tmp_path / "d.npy", spec) == (
        "d.npy: the model takes the arrays `image`, `meta`, which an NPZ file has to hold\n"
        "  hint: save it with `np.savez(path, image=image, meta=meta)`"
    )


def test_the_only_array_of_a_run_is_found_among_others(load_npz, arrays, tmp_path):
    spec = load_npz(arrays, features="meta").spec
    np.savez(tmp_path / "new.npz", **arrays)
    x = read_features(tmp_path / "new.npz", spec)["meta"]
    np.testing.assert_array_equal(x, arrays["meta"].astype(np.float32))
