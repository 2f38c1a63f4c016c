"""Configs that several tests use."""

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
