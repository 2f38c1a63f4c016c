"""What was understood of the data that may have been meant otherwise: each command that trains on them says it."""

from types import SimpleNamespace

import pytest

from nnlab.cli.progress import TrainingProgress
from nnlab.config.data import DataConfig
from nnlab.config.load import load_config
from nnlab.data.loading import load_data
from nnlab.data.splits import DataSpec

NOTE = "note: labels that differ only in blanks or in their Unicode form are one class: `cat`, `cat `\n"
CONFIG = """
data: {source: csv, path: rows.csv, target: y}
model: {hidden: [2]}
training: {epochs: 1, tensorboard: false}
tune: {algorithm: random, max_trials: 2, space: {optimizer.learning_rate: {float: [0.001, 0.1]}}}
compare: {seeds: 2, variants: {relu: {model.activation: relu}, tanh: {model.activation: tanh}}}
"""


def test_each_note_on_the_data_has_its_line_on_stderr(capsys):
    columns = {"x": [1.0, 2.0, 3.0, 4.0], "y": ["cat", "cat ", "dog", "dog"]}
    section = {"source": "inline", "columns": columns, "target": "y", "test": 0, "validation": 0}
    spec = load_data(DataConfig.read(section), seed=0).spec
    model = SimpleNamespace(count_params=lambda: 3, layers=[None], metrics_names=["loss"])
    progress = TrainingProgress(DataSpec.from_json(spec.to_json()), monitor=None, has_schedule=False)
    progress.training_began(model, epochs=1, steps=1)
    said = capsys.readouterr().err.splitlines()
    assert said[1] == "classes: cat 2, dog 2"
    assert said[2].startswith("note: labels that differ only in blanks or in their Unicode form are one class")


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ({"source": "iris"}, "split: random; setosa 31 + 8 + 11, versicolor 30 + 7 + 13, virginica 35 + 9 + 6"),
        ({"source": "digits", "split": "stratified", "test": 0}, "split: stratified; each class 139 to 146 + 35 to 37"),
    ],
)
def test_the_classes_of_each_split_are_counted(section, line, capsys):
    spec = load_data(DataConfig.read(section), seed=0).spec
    progress = TrainingProgress(DataSpec.from_json(spec.to_json()), monitor=None, has_schedule=False)
    progress.training_began(SimpleNamespace(count_params=lambda: 3, layers=[None]), epochs=1, steps=1)
    assert capsys.readouterr().err.splitlines()[1] == line


@pytest.fixture
def noted(tmp_path):
    rows = [f"{number / 2},{'cat ' if number % 3 else 'cat' if number % 2 else 'dog'}" for number in range(40)]
    (tmp_path / "rows.csv").write_text("\n".join(["a,y", *rows, ""]))
    (tmp_path / "noted.yaml").write_text(CONFIG)
    return tmp_path / "noted.yaml"


@pytest.mark.tf
@pytest.mark.parametrize("command", ["summary", "find-lr", "check-gradients"])
def test_a_command_that_builds_the_network_says_it_once(nnlab, noted, command):
    assert nnlab(command, noted).err.count(NOTE) == 1
    assert "note:" not in nnlab(command, noted, "--quiet").err


def test_a_search_says_it_once(noted, capfd):
    from nnlab.cli.live import Progress
    from nnlab.tune.study import prepare

    study = prepare(load_config(noted))
    Progress(quiet=False).began(study)
    assert capfd.readouterr().err.count(NOTE) == 1
    Progress(quiet=True).began(study)
    assert capfd.readouterr().err == ""


def test_a_comparison_says_it_once_for_all_variants(noted, capfd):
    from nnlab.cli.live import Progress
    from nnlab.compare.study import prepare

    Progress(quiet=False).began(prepare(noted, []))
    assert capfd.readouterr().err.count(NOTE) == 1
