"""Columns that are inputs of their own, in front of layers in a row: embedded, and joined with the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnlab.config.components import Component
from nnlab.config.model import SequentialConfig
from nnlab.errors import ConfigError, Problem
from nnlab.model.hidden import PlannedLayer
from nnlab.model.lookups import looks_up
from nnlab.model.unroll import GraphNode, written_layers
from nnlab.model.wiring import JOINED, identifier, input_names
from nnlab.wording import listed

if TYPE_CHECKING:
    from nnlab.data.splits import DataSpec

PATH = ("model",)


def front_nodes(model: SequentialConfig, spec: DataSpec) -> tuple[GraphNode, ...]:
    """Return what stands in front of layers in a row: nothing where rows are one array that these take.

    A class becomes its vector, a text the mean of the vectors of its words; with the numbers they are one row.

    Raises:
        ConfigError: layers of another run shall stand there, or one that looks words up of one column.
    """
    own = {} if spec.encoding is None else spec.encoding.own
    lookup = _lookup_at_the_front(model)
    if not own or (len(spec.input_shapes) == 1 and lookup is not None):
        return ()
    if lookup is not None:
        name = lookup.component.name
        message = f"`{name}` gets what {listed(spec.input_shapes)} have become: their vectors are joined before it"
        hint = f"remove `{name}`, as they are embedded already, or write `type: functional` with an input for each"
        raise ConfigError(Problem(message, hint, (*lookup.path, name)))
    if model.transfer is not None:
        message = f"layers of another run know other words and classes than there are here in {listed(own)}"
        hint = "remove `transfer`, or give these columns another `encoding`, or leave them out with `ignore`"
        raise ConfigError(Problem(message, hint, ("model", "transfer")))
    nodes, joined = [], []
    for array, name in input_names(spec).items():
        if array not in own:
            joined.append(name)
            continue
        column, numbers = name or identifier(array), own[array]
        is_text = numbers.length is not None
        embedding: dict[str, Any] = {"input_dim": numbers.size, "output_dim": numbers.dimension}
        layers = (
            _layer("Embedding", f"{column}_embedding", **embedding, **({"mask_zero": True} if is_text else {})),
            _layer("GlobalAveragePooling1D", f"{column}_mean") if is_text else _layer("Flatten", f"{column}_vector"),
        )
        nodes.append(GraphNode(layers[1].component.parameters["name"], layers, (name,), None, PATH))
        joined.append(nodes[-1].name)
    if len(joined) > 1:
        nodes.append(GraphNode(JOINED, (_layer("Concatenate", JOINED),), tuple(joined), None, PATH))
    return tuple(nodes)


def _layer(kind: str, name: str, **parameters: Any) -> PlannedLayer:
    return PlannedLayer(Component("layers", kind, {**parameters, "name": name}), PATH)


def _lookup_at_the_front(model: SequentialConfig) -> PlannedLayer | None:
    """Return the first layer, if it looks numbers up."""
    first = next(written_layers(model), None)
    return first if first is not None and looks_up(first.component) else None
