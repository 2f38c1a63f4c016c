"""The commands as a user types them; stdout, stderr and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from samples import CONFIGS, DIGITS

LIGHT = [
    ["--help"],
    ["validate", str(CONFIGS / "digits_mlp.yaml")],
    ["list", "layers"],
    ["list", "datasets", "spiral"],
    ["list", "schedules"],
    ["schema"],
    ["schedule", "schedule.yaml", "--steps", "50", "--csv", "out.csv"],
    ["runs", "ls"],
    ["train", "--help"],
]


@pytest.mark.parametrize("arguments", LIGHT, ids=" ".join)
def test_light_commands_import_nothing_heavy(arguments, tmp_path):
    (tmp_path / "schedule.yaml").write_text(f"{DIGITS}schedule: {{cosine: {{decay_steps: 50}}}}\n")
    code = (
        "import sys\nfrom nnlab.cli import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "heavy = {'tensorflow', 'keras', 'pandas', 'numpy', 'sklearn', 'tensorboard'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=tmp_path)


def test_only_the_command_that_is_called_is_imported():
    code = (
        "import sys\nfrom nnlab.cli import main\n"
        f"try: main(['validate', {str(CONFIGS / 'digits_mlp.yaml')!r}])\n"
        "except SystemExit: print({'nnlab.cli.configs', 'nnlab.cli.training'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "{'nnlab.cli.configs'}"


def test_python_m_nnlab_is_the_same_command():
    done = subprocess.run([sys.executable, "-m", "nnlab", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("nnlab ")


def test_a_misspelt_command_gets_a_suggestion(nnlab):
    assert nnlab("trian") == (2, "", "nnlab: no such command `trian`\n  hint: did you mean `train`?\n")


def test_a_missing_argument_is_bad_usage(nnlab):
    done = nnlab("train")
    assert done.code == 2
    assert "missing argument `CONFIG`" in done.err


def test_validate_says_ok_for_every_file(nnlab):
    done = nnlab("validate", CONFIGS / "digits_mlp.yaml", CONFIGS / "fashion_mlp.yaml")
    assert done.code == 0
    assert done.out.count(": ok\n") == 2


def test_validate_shows_the_problems_of_every_file(nnlab, tmp_path):
    (tmp_path / "a.yaml").write_text("data: digit\nmodel: {hidden: [3]}\n")
    (tmp_path / "b.yaml").write_text("data: digits\nmodel: {hidden: [3], activation: rellu}\n")
    done = nnlab("validate", "a.yaml", "b.yaml")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "a.yaml:1:7: data.source: unknown data set `digit`\n  hint: did you mean `digits`?\n"
        "b.yaml:2:34: model.activation: unknown activation `rellu`\n  hint: did you mean `relu`?\n"
    )


def test_validate_json_is_one_document_of_the_contract(nnlab, tmp_path):
    (tmp_path / "a.yaml").write_text("data: digits\nmodel: {hidden: [3], activation: rellu}\n")
    done = nnlab("validate", "a.yaml", "--json")
    assert done.code == 2
    assert json.loads(done.out) == {
        "problems": [
            {
                "file": "a.yaml", "line": 2, "column": 34, "path": "model.activation",
                "message": "unknown activation `rellu`", "hint": "did you mean `relu`?",
                "severity": "error", "rule": None,
            }
        ]
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["layers", "activations", "optimizers", "losses", "metrics", "datasets"])
def test_list_shows_names_with_parameters(nnlab, kind):
    from nnlab import catalog

    done = nnlab("list", kind)
    assert done.code == 0
    for name in catalog.entries(kind):
        assert name in done.out


def test_list_of_one_name_shows_parameters_defaults_and_the_page(nnlab):
    done = nnlab("list", "optimizers", "sgd")
    assert "SGD  (also sgd)" in done.out
    assert "https://keras.io/api/optimizers/sgd" in done.out
    assert "momentum" in done.out
    assert json.loads(nnlab("list", "optimizers", "sgd", "--json").out)["parameters"]["nesterov"]["default"] is False


def test_list_of_an_unknown_name_or_kind_gets_a_suggestion(nnlab):
    assert nnlab("list", "optimisers").err == "nothing is listed as `optimisers`\n  hint: did you mean `optimizers`?\n"
    assert nnlab("list", "layers", "Dens").err == "unknown layer `Dens`\n  hint: did you mean `Dense`?\n"


@pytest.mark.tf
def test_summary_json_has_the_fields_of_the_contract(nnlab):
    done = nnlab("summary", CONFIGS / "digits_mlp.yaml", "--json")
    document = json.loads(done.out)
    assert document["layers"][0] == {
        "name": "dense", "class": "Dense", "output_shape": [64], "params": 4160, "trainable": True,
    }  # fmt: skip
    assert (document["total_params"], document["trainable_params"], document["non_trainable_params"]) == (8970, 8970, 0)


@pytest.mark.tf
def test_summary_shows_activation_and_initializer_of_each_layer(nnlab):
    changes = [
        "-S", "model.activation={leaky_relu: {negative_slope: 0.3}}",
        "-S", "model.initializer=he_normal",
        "--plot", "net.svg",
    ]  # fmt: skip
    done = nnlab("summary", CONFIGS / "digits_mlp.yaml", *changes)
    hidden = next(line for line in done.out.splitlines() if "leaky_relu(negative_slope=0.3)" in line)
    assert "he_normal" in hidden
    drawn = Path("net.svg").read_text()
    assert "leaky_relu(negative_slope=0.3)" in drawn
    assert "starts from he_normal" in drawn


@pytest.mark.tf
def test_verbose_says_that_there_is_no_gpu_without_alarms():
    command = [sys.executable, "-m", "nnlab", "summary", str(CONFIGS / "digits_mlp.yaml"), "-v"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "finds no GPU" in done.stderr
    assert "cuda" not in done.stderr.lower()


@pytest.mark.tf
def test_summary_draws_an_svg_with_a_box_for_each_layer(nnlab, tmp_path):
    done = nnlab("summary", CONFIGS / "digits_mlp.yaml", "--plot", "net.svg")
    assert "8,970 parameters" in done.out
    root = ElementTree.parse(tmp_path / "net.svg").getroot()
    names = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text") if text.get("class") == "name"]
    assert names == ["Input", "Dense", "Dense", "Dense"]


@pytest.mark.tf
def test_summary_refuses_another_picture_format(nnlab):
    done = nnlab("summary", CONFIGS / "digits_mlp.yaml", "--plot", "net.png")
    assert (done.code, done.err) == (2, "the plot `net.png` is no SVG file\n  hint: write `--plot net.svg`\n")


@pytest.mark.tf
def test_train_prints_results_to_stdout_and_progress_to_stderr(nnlab, tmp_path):
    (tmp_path / "digits.yaml").write_text(DIGITS)
    done = nnlab("train", "digits.yaml", "--name", "mine", "--seed", "3", "-S", "training.epochs=1")
    (run,) = (tmp_path / "runs").iterdir()
    assert done.code == 0
    assert f"run: runs/{run.name}" in done.out
    assert "validation" in done.out
    assert "epoch 1/1" in done.err
    assert "_mine_" in run.name
    info = json.loads((run / "run.json").read_text())
    assert info["seed"] == 3
    assert info["overrides"] == ["--set training.epochs=1", "--seed 3", "--name mine"]
    assert (run / "source.yaml").read_text() == DIGITS


@pytest.mark.tf
def test_train_json_is_one_document_of_the_contract(nnlab, tmp_path):
    (tmp_path / "digits.yaml").write_text(DIGITS)
    document = json.loads(nnlab("train", "digits.yaml", "--json", "-S", "training.epochs=1").out)
    assert set(document) == {"run", "status", "metrics"}
    assert document["status"] == "completed"
    assert set(document["metrics"]) == {"train", "validation", "test"}


@pytest.mark.tf
def test_quiet_training_prints_the_run_directory_alone(nnlab, tmp_path):
    (tmp_path / "digits.yaml").write_text(DIGITS)
    done = nnlab("train", "digits.yaml", "-q", "-S", "training.epochs=1")
    assert done.err == ""
    assert (tmp_path / done.out.strip() / "model.keras").exists()


@pytest.mark.tf
def test_a_diverged_training_exits_with_1(nnlab, tmp_path):
    (tmp_path / "digits.yaml").write_text(DIGITS)
    done = nnlab("train", "digits.yaml", "--json", "-S", "optimizer={SGD: {learning_rate: 1e30}}")
    assert done.code == 1
    assert json.loads(done.out)["status"] == "failed"
    assert "the training diverged" in done.err


@pytest.mark.tf
def test_a_shape_error_names_the_line_of_the_layer(nnlab, tmp_path):
    (tmp_path / "broken.yaml").write_text("data: digits\nmodel:\n  layers:\n    - Dense: 5\n    - Dense: 7\n")
    done = nnlab("train", "broken.yaml")
    assert done.code == 2
    assert done.err.startswith("broken.yaml:5:14: model.layers[1].Dense.units: the model gives 7 values a row")
    assert not (tmp_path / "runs").exists()


@pytest.mark.tf
def test_evaluate_and_runs_read_what_train_left(nnlab, digits_run):
    runs_dir = digits_run.run.path.parent
    done = nnlab("evaluate", "digits", "--runs-dir", runs_dir, "--split", "validation", "--json")
    assert json.loads(done.out) == {"split": "validation", "metrics": digits_run.metrics["validation"]}
    (row,) = json.loads(nnlab("runs", "ls", "--runs-dir", runs_dir, "--json").out)
    assert (row["name"], row["status"], row["metrics"]) == ("digits", "completed", digits_run.metrics)
    shown = nnlab("runs", "show", "digits", "--runs-dir", runs_dir)
    assert "completed" in shown.out
    assert "best       val_loss" in shown.out


def test_runs_ls_of_an_empty_folder_says_how_to_get_one(nnlab):
    assert nnlab("runs", "ls") == (0, "", "no runs in runs\n  hint: `nnlab train CONFIG` makes one\n")


def test_runs_ls_sorts_best_first_and_knows_which_way_is_better(nnlab, tmp_path):
    from nnlab.run import Run

    for i, (loss, accuracy) in enumerate([(0.5, 0.7), (0.2, 0.9), (0.9, 0.8)]):
        run = Run.new(tmp_path / "runs", f"run{i}")
        run.create(config="", source="")
        run.write_info({"status": "completed", "name": f"run{i}"})
        run.write_metrics({"train": {}, "validation": {"loss": loss, "accuracy": accuracy}})

    def order(metric: str) -> list[str]:
        return [row["name"] for row in json.loads(nnlab("runs", "ls", "--sort", metric, "--json").out)]

    assert order("val_loss") == ["run1", "run0", "run2"]
    assert order("val_accuracy") == ["run1", "run2", "run0"]
    assert nnlab("runs", "ls", "--sort", "val_acuracy").err.endswith("hint: did you mean `val_accuracy`?\n")


@pytest.mark.tf
def test_doctor_finds_everything_or_says_what_is_missing(nnlab):
    document = json.loads(nnlab("doctor", "--json").out)
    assert document["problems"] == []
    assert document["versions"]["tensorflow"]
    assert any("CPU" in device for device in document["devices"])
    assert {dataset["name"] for dataset in document["datasets"]} >= {"fashion_mnist", "california_housing"}


def test_every_command_is_documented_in_the_readme():
    from nnlab.cli import COMMANDS

    readme = (Path(__file__).parent.parent / "README.md").read_text()
    for command in COMMANDS:
        assert f"nnlab {command}" in readme
    assert "nnlab runs ls" in readme
    assert "nnlab runs show" in readme


@pytest.mark.parametrize(
    "words",
    [
        "tensorboard --port -5", "tensorboard --port 65536", "train c.yaml --seed -1", "train c.yaml --seed 4294967296",
        "compare c.yaml --vary model.activation=relu,tanh --seeds 0", "compare c.yaml --vary seed=1,2 -j 0",
        "compare c.yaml --vary model.activation=relu,tanh --target nan", "compare-optimizers c.yaml --tuning-budget -1",
        "tune c.yaml --max-trials 0", "tune c.yaml --max-time 0s", "tune c.yaml --max-time inf", "tune c.yaml -j -3",
        "schedule c.yaml --steps 0", "schedule c.yaml --steps -1", "find-lr c.yaml --min nan",
        "find-lr c.yaml --max inf",
        "find-lr c.yaml --steps 0", "activations relu --step 0", "activations relu --step nan",
        "activations relu --range nan 1", "activations relu --range 1 -1", "activations relu --range 0 inf",
        "check-gradients c.yaml --rows 0", "check-gradients c.yaml --samples -2", "predict x x.csv --seed -1",
        "predict x x.csv --mc-samples 0", "evaluate x --mc-samples -1",
    ],
)  # fmt: skip
def test_a_number_that_no_option_can_take_is_refused_in_one_line(nnlab, tmp_path, words):
    (tmp_path / "c.yaml").write_text(
        "data: digits\nmodel: {hidden: [4]}\ntune: {space: {optimizer.learning_rate: {float: [0.1, 1]}}}\n"
    )
    done = nnlab(*words.split())
    assert done.code == 2
    assert "Traceback" not in done.err
    assert len([line for line in done.err.splitlines() if not line.startswith("  hint:")]) == 1


@pytest.mark.parametrize(
    ("option", "path"),
    [
        ("--epochs 3", "training.epochs=3"),
        ("--batch-size=8", "training.batch_size=8"),
        ("--lr 0.1", "optimizer.learning_rate=0.1"),
        ("--momentum 0.9", "optimizer.momentum=0.9"),
        ("--activation relu", "model.activation=relu"),
    ],
)
def test_a_value_of_the_config_given_as_an_option_is_pointed_to(nnlab, option, path):
    done = nnlab("train", "c.yaml", *option.split())
    assert done.code == 2
    assert done.err.endswith(f"  hint: it is a value of the config: `-S {path}`\n")


def test_a_search_without_a_section_says_what_to_write(nnlab, tmp_path):
    (tmp_path / "c.yaml").write_text("data: digits\nmodel: {hidden: [4]}\n")
    done = nnlab("tune", "c.yaml")
    assert done.code == 2
    assert done.err.startswith("c.yaml:1:1: tune: the config has no `tune` section\n  hint: write `tune: {space: {")
