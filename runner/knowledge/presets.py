"""Presets of models: data (``presets.toml``)."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from runner.errors import TaskError


@dataclass(frozen=True, slots=True)
class Preset:
    """``models`` has, for each dialect, the chance of an improvement that is assumed of each model.
    ``worth_usd`` is what an improvement is worth, ``boldness`` divides what is known of them."""

    name: str
    about: str
    worth_usd: float
    boldness: float
    models: Mapping[str, Mapping[str, float]]


@functools.cache
def presets() -> tuple[Preset, ...]:
    """All presets, from the dearest to the cheapest; the experimental one is last."""
    text = resources.files("runner.knowledge").joinpath("presets.toml").read_text(encoding="utf-8")
    return tuple(Preset(name, **fields) for name, fields in tomllib.loads(text).items())


def preset_of(name: str) -> Preset:
    """The preset of this name. Raises TaskError that lists them."""
    for preset in presets():
        if preset.name == name:
            return preset
    allowed = ", ".join(preset.name for preset in presets())
    raise TaskError(f"preset: {name!r}; allowed: {allowed}")
