"""Configs and stand-ins that several tests use."""

from pathlib import Path

CONFIGS = Path(__file__).parent.parent / "configs"
DIGITS = """
name: digits
seed: 7
data: {source: digits, scale: 16}
model: {activation: relu, hidden: [32]}
optimizer: {Adam: {learning_rate: 0.005}}
training: {epochs: 3}
"""


class Silence:
    """Watches a search or a comparison and says nothing."""

    def began(self, study) -> None: ...

    def epoch_done(self, name, row) -> None: ...

    def trial_done(self, trial, outcome) -> None: ...

    def phase_began(self, text) -> None: ...
