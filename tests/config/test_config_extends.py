"""`extends`: one file over another."""

import pytest

from nnlab.config.load import load_config
from nnlab.errors import ConfigError

BASE = """
data: {source: digits, scale: 16, validation: 0.1}
model:
  normalization: {BatchNormalization: {momentum: 0.9, beta_initializer: {Constant: 0.5}}}
  dropout: 0.2
  layers: [{Dense: 300}, {Dense: 100}, {Dense: 10}]
optimizer: {SGD: {learning_rate: 0.1, momentum: 0.9}}
training: {epochs: 5, metrics: [accuracy], early_stopping: {patience: 3}}
"""


@pytest.fixture
def extended(write_config):
    """Load a config that extends the base above."""

    def load(text):
        write_config(BASE, "base.yaml")
        return load_config(write_config(f"extends: base.yaml\n{text}")).experiment

    return load


def test_what_is_not_written_comes_from_the_base(extended):
    experiment = extended("seed: 3")
    assert (experiment.seed, experiment.training.epochs, experiment.data.scale) == (3, 5, 16)


def test_the_name_is_that_of_the_file_and_not_of_its_base(extended):
    assert extended("seed: 3").name == "experiment"


def test_mappings_are_merged(extended):
    training = extended("training: {epochs: 7, early_stopping: {min_delta: 0.1}}").training
    assert (training.epochs, training.early_stopping.patience, training.early_stopping.min_delta) == (7, 3, 0.1)


def test_lists_are_replaced(extended):
    assert len(extended("model: {layers: [{Dense: 10}]}").model.layers) == 1


def test_parameters_of_the_same_object_are_merged(extended):
    optimizer = extended("optimizer: {SGD: {learning_rate: 0.5}}").optimizer
    assert optimizer.plain() == {"SGD": {"learning_rate": 0.5, "momentum": 0.9}}


def test_an_alias_names_the_same_object(extended):
    assert extended("optimizer: {sgd: 0.5}").optimizer.plain() == {"SGD": {"learning_rate": 0.5, "momentum": 0.9}}


def test_an_object_of_another_kind_replaces(extended):
    assert extended("optimizer: {Adam: {beta_1: 0.8}}").optimizer.plain() == {"Adam": {"beta_1": 0.8}}


def test_a_bare_name_starts_from_its_defaults(extended):
    assert extended("optimizer: SGD").optimizer.plain() == "SGD"


def test_an_object_inside_an_object_of_another_kind_replaces(extended):
    normalization = extended(
        "model: {normalization: {BatchNormalization: {beta_initializer: ones}}}"
    ).model.normalization
    assert normalization.plain() == {"BatchNormalization": {"momentum": 0.9, "beta_initializer": "ones"}}


def test_parameters_inside_an_object_inside_an_object_are_merged_or_replaced_by_their_kind(extended):
    text = "model: {normalization: {BatchNormalization: {beta_initializer: {RandomNormal: {stddev: 2.0}}}}}"
    beta = extended(text).model.normalization.parameters["beta_initializer"]
    assert beta.plain() == {"random_normal": {"stddev": 2.0}}


def test_a_number_for_dropout_is_its_rate(extended):
    assert extended("model: {dropout: {Dropout: {seed: 3}}}").model.dropout.plain() == {
        "Dropout": {"rate": 0.2, "seed": 3}
    }


def test_null_switches_off(extended):
    experiment = extended("model: {normalization: null, dropout: null}\ntraining: {early_stopping: null}")
    assert experiment.model.normalization is experiment.model.dropout is experiment.training.early_stopping is None


def test_null_gives_way_to_the_other_way_of_writing_layers(extended):
    assert extended("model: {layers: null, hidden: [64]}").model.hidden == (64,)


def test_a_source_alone_is_merged_like_the_section_that_it_is_short_for(extended):
    data = extended("data: iris").data
    assert (data.source.name, data.validation) == ("iris", 0.1)


def test_a_base_with_a_source_alone_is_merged_too(write_config):
    write_config("data: digits\nmodel: {hidden: [8]}", "base.yaml")
    data = load_config(write_config("extends: base.yaml\ndata: {scale: 16}")).experiment.data
    assert (data.source.name, data.scale) == ("digits", 16)


def test_a_chain_of_files_is_followed_from_folder_to_folder(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "root.yaml").write_text("data: digits\nmodel: {hidden: [8]}\nseed: 1\n")
    (tmp_path / "deep/middle.yaml").write_text("extends: ../root.yaml\ntraining: {epochs: 2}\n")
    (tmp_path / "top.yaml").write_text("extends: deep/middle.yaml\nseed: 3\n")
    experiment = load_config(tmp_path / "top.yaml").experiment
    assert (experiment.seed, experiment.training.epochs) == (3, 2)


def test_a_data_file_is_relative_to_the_file_that_names_it(tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/base.yaml").write_text("data: {source: csv, path: rows.csv, target: y}\n")
    (tmp_path / "top.yaml").write_text("extends: shared/base.yaml\nmodel: {hidden: [8]}\n")
    assert load_config(tmp_path / "top.yaml").experiment.data.path == str(tmp_path / "shared/rows.csv")


def test_no_more_than_ten_files_extend_one_another(tmp_path):
    for i in range(12):
        (tmp_path / f"{i}.yaml").write_text(f"extends: {i + 1}.yaml\n")
    (tmp_path / "12.yaml").write_text("data: digits\n")
    with pytest.raises(ConfigError, match="more than 10 files extend one another"):
        load_config(tmp_path / "0.yaml")


@pytest.mark.parametrize("stem", ["_base", "-x-", "42", "my first model", "..a", "模型", "x" * 150])
def test_every_file_name_gives_a_name(tmp_path, stem):
    (tmp_path / f"{stem}.yaml").write_text("data: digits\nmodel: {hidden: [8]}\n")
    assert load_config(tmp_path / f"{stem}.yaml").experiment.name


@pytest.mark.parametrize("path", ["a\\0b", "~nobody-at-all/x.csv"])
def test_a_data_path_that_no_file_can_have_is_left_to_the_data(write_config, path):
    text = f'data: {{source: csv, path: "{path}", target: y}}\nmodel: {{hidden: [8]}}'
    assert load_config(write_config(text)).experiment.data.path
