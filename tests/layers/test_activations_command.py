"""`nnlab activations` as a user types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
import pytest

from nnlab.cli import main

pytestmark = pytest.mark.tf


class Done(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def activations(capfd, tmp_path, monkeypatch) -> Callable[..., Done]:
    """Run the command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Done:
        capfd.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main(["activations", *map(str, arguments)])
        captured = capfd.readouterr()
        return Done(int(exit_.value.code or 0), captured.out, captured.err)

    return run


def test_the_table_shows_values_and_derivatives(activations):
    done = activations("relu", "sigmoid", "--range", -1, 1, "--step", 1)
    assert done.code == 0
    assert done.out == (
        "            relu               sigmoid\n"
        " x       f(x)     f'(x)       f(x)     f'(x)\n"
        "-1     0.0000    0.0000     0.2689    0.1966\n"
        " 0     0.0000    0.0000     0.5000    0.2500\n"
        " 1     1.0000    1.0000     0.7311    0.1966\n"
    )


def test_a_gradient_that_is_not_the_slope_of_the_function_is_said_to_be_a_surrogate(activations):
    done = activations("heaviside", "relu", "--step", 4)
    assert done.out.splitlines()[-1].startswith("heaviside: f'(x) is a surrogate gradient")
    assert done.out.count("surrogate") == 1
    step, relu = json.loads(activations("heaviside", "relu", "--json").out)["functions"]
    assert (step["surrogate_gradient"], relu["surrogate_gradient"]) == (True, False)


def test_surrogate_gradients_are_told_by_their_numbers_alone():
    from nnlab import catalog
    from nnlab.config.components import Component
    from nnlab.model import curves

    entries = catalog.entries("activations").values()
    plain = [entry for entry in entries if not any(parameter.required for parameter in entry.parameters.values())]
    found = [entry.name for entry in plain if curves.has_surrogate_gradient(Component("activations", entry.name))]
    assert found == ["heaviside", "sign"]


def test_without_names_the_usual_dozen_is_shown(activations):
    document = json.loads(activations("--json").out)
    assert len(document["functions"]) == 12
    assert (document["x"][0], document["x"][-1], len(document["x"])) == (-4, 4, 17)


def test_parameters_are_written_as_yaml(activations):
    done = activations("leaky_relu: {negative_slope: 0.1}", "Swish: 2", "--range", -1, 1, "--step", 2, "--json")
    leaky, swish = json.loads(done.out)["functions"]
    assert leaky["activation"] == {"leaky_relu": {"negative_slope": 0.1}}
    assert leaky["values"] == pytest.approx([-0.1, 1])
    assert leaky["derivatives"] == pytest.approx([0.1, 1])
    assert swish["values"] == pytest.approx([-0.1192, 0.8808], abs=1e-4)


def test_functions_of_several_values_are_shown_for_x_and_zero(activations):
    (softmax,) = json.loads(activations("softmax", "--range", -1, 1, "--step", 1, "--json").out)["functions"]
    assert softmax["values"] == pytest.approx([0.2689, 0.5, 0.7311], abs=1e-4)
    assert softmax["derivatives"] == pytest.approx([0.1966, 0.25, 0.1966], abs=1e-4)


def test_every_activation_of_the_catalog_can_be_shown(activations):
    from nnlab import catalog

    entries = catalog.entries("activations").values()
    plain = [entry.name for entry in entries if not any(parameter.required for parameter in entry.parameters.values())]
    done = activations(*plain, "threshold: {threshold: 0.5, default_value: 0.0}", "--json")
    assert [each["name"] for each in json.loads(done.out)["functions"]] == [*plain, "threshold"]


def test_the_problems_of_all_names_are_shown(activations):
    done = activations("rellu", "leaky_relu: {slope: 0.1}", "relu", "--json")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "unknown activation `rellu`\n  hint: did you mean `relu`?\n"
        "leaky_relu.slope: `leaky_relu` has no parameter `slope`\n  hint: write `negative_slope`\n"
    )


def test_what_keras_refuses_is_explained(activations):
    done = activations("relu: {negative_slope: -1.0}", "softmax: {axis: 5}")
    assert done.code == 2
    assert done.err.startswith("Keras refuses `softmax`: ")
    assert "hint: `nnlab list activations softmax` shows what it takes\n" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--range", 4, -4], "the range from 4 to -4 holds nothing\n  hint: give the smaller number first: "
                             "`--range -4 4`\n"),
        (["--step", 0], "the step 0 cannot be used\n  hint: give a number above 0, and at most 100000 steps: "
                        "`--step 0.5`\n"),
        (["--plot", "a.gif"], "the plot `a.gif` is neither an SVG nor a PNG file\n  hint: write `--plot a.svg`\n"),
        (["--plot", "no/a.svg"], "cannot write `no/a.svg`: there is no folder `no`\n  hint: make it, or give a file in "
                                 "a folder that exists\n"),
    ],
)  # fmt: skip
def test_unusable_options_are_refused(activations, arguments, message):
    assert activations(*arguments) == (2, "", message)


def test_a_plot_has_a_panel_for_every_function(activations, tmp_path):
    pytest.importorskip("matplotlib")
    done = activations("relu", "mish", "selu", "--plot", "three.svg", "--quiet")
    assert done == (0, "", "")
    tree = ElementTree.parse(tmp_path / "three.svg")
    panels = [node for node in tree.iter() if (node.get("id") or "").startswith("axes_")]
    assert len(panels) == 3


def test_a_plot_together_has_one_panel_for_functions_and_one_for_derivatives(activations, tmp_path):
    pytest.importorskip("matplotlib")
    assert activations("relu", "mish", "selu", "--plot", "all.svg", "--together").err == "written: all.svg\n"
    tree = ElementTree.parse(tmp_path / "all.svg")
    panels = [node for node in tree.iter() if (node.get("id") or "").startswith("axes_")]
    assert len(panels) == 2


def test_the_suffix_decides_the_format(activations, tmp_path):
    pytest.importorskip("matplotlib")
    activations("relu", "--plot", "relu.PNG")
    assert (tmp_path / "relu.PNG").read_bytes().startswith(b"\x89PNG")


def test_at_points_a_function_of_several_values_has_a_derivative_by_each(activations):
    done = activations("softmax", "--at", "[2, 0.5, 6]", "--json")
    (softmax,) = json.loads(done.out)["functions"]
    (p,), (jacobian,) = np.array(softmax["values"]), np.array(softmax["jacobians"])
    assert p == pytest.approx(np.exp([2, 0.5, 6]) / np.exp([2, 0.5, 6]).sum(), rel=1e-6)
    np.testing.assert_allclose(jacobian, np.diag(p) - np.outer(p, p), atol=1e-7)


def test_a_name_that_is_given_twice_is_applied_twice(activations):
    points = "[[2, 0.5, 6], [0.1, 0, 3]]"
    (twice,) = json.loads(activations("softmax", "softmax", "--at", points, "--json").out)["functions"]
    expected = [[0.21747023, 0.21446465, 0.56806517], [0.2300214, 0.22893383, 0.5410447]]
    np.testing.assert_allclose(twice["values"], expected, rtol=2e-7)
    relu, selu = json.loads(activations("relu", "selu", "selu", "--at", "[-1, 1]", "--json").out)["functions"]
    assert (relu["times"], relu["values"], relu["derivatives"]) == (1, [[0, 1]], [[0, 1]])
    assert selu["values"][0][1] == pytest.approx(1.0507010**2, rel=1e-6)
    assert selu["derivatives"][0][1] == pytest.approx(1.0507010**2, rel=1e-6)


def test_points_are_shown_with_eight_digits(activations):
    assert activations("sigmoid", "--at", "[0, 1]").out == (
        "sigmoid\nx       f(x)       f'(x)\n0        0.5        0.25\n1  0.7310586  0.19661193\n"
    )
    assert activations("relu", "--at", "[1, two]").err.startswith("`--at` expects finite numbers, received a list of 2")
    assert activations("relu", "--at", "1", "--plot", "a.svg").err.startswith("`--at` gives numbers and no plot")


def test_the_constants_of_selu_are_explained_and_are_the_published_ones(activations):
    from nnlab.model.explanations import selu_constants

    assert selu_constants() == pytest.approx((1.0507009873554805, 1.6732632423543772), rel=1e-12)
    scale, alpha = selu_constants()
    z = np.linspace(-12, 12, 240_001)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    selu = scale * np.where(z > 0, z, alpha * np.expm1(z))
    assert [(selu * density).sum(), (selu**2 * density).sum()] == pytest.approx([0, 1], abs=1e-9)
    assert "= 1.6732632 makes the mean 0" in activations("selu", "--step", 4).out
    assert "makes the mean 0" not in activations("selu", "--step", 4, "-q").out
    relu, found = json.loads(activations("relu", "selu", "--json").out)["functions"]
    assert (relu["explanation"], "1.0507010 makes the variance 1" in found["explanation"][-1]) == ([], True)
