"""What is said of the data before a training begins."""

from types import SimpleNamespace

from nnlab.cli.progress import TrainingProgress
from nnlab.config.schema import DataConfig
from nnlab.data.loading import load_data
from nnlab.data.splits import DataSpec


def test_each_note_on_the_data_has_its_line_on_stderr(capsys):
    columns = {"x": [1.0, 2.0, 3.0, 4.0], "y": ["cat", "cat ", "dog", "dog"]}
    section = {"source": "inline", "columns": columns, "target": "y", "test": 0, "validation": 0}
    spec = load_data(DataConfig.model_validate(section), seed=0).spec
    model = SimpleNamespace(count_params=lambda: 3, layers=[None], metrics_names=["loss"])
    progress = TrainingProgress(DataSpec.from_json(spec.to_json()), monitor=None, has_schedule=False)
    progress.training_began(model, epochs=1, steps=1)
    said = capsys.readouterr().err.splitlines()
    assert said[1].startswith("note: labels that differ only in blanks or in their Unicode form are one class")
