"""The kinds of studies, as the command line knows them: a new one gets its line here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from nnlab.cli.live import View


class StudyKind(NamedTuple):
    """What the command line has of a kind of study.

    Attributes:
        command: the module of `nnlab.cli` whose `again` prepares the studies of a run to carry on.
        view: the module of `nnlab.cli` with the class of its `View`, and that class.
        training: what one of its trainings is called.
        done: what has been done with one that ended.
    """

    command: str
    view: tuple[str, str]
    training: str
    done: str

    def view_of(self, agenda: Any) -> View:
        """Return what is to be seen of a study with this agenda."""
        module, name = self.view
        view: View = getattr(import_module(f"nnlab.cli.{module}"), name)(agenda)
        return view


KINDS = {
    "comparison": StudyKind("compare", ("comparison", "ComparisonView"), "training", "trained"),
    "search": StudyKind("tune", ("search", "SearchView"), "trial", "tried"),
}
"""Each by what `run.json` calls it (`Agenda.kind`)."""
