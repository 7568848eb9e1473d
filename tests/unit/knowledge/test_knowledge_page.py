"""``docs/knowledge.md`` against the code."""

from __future__ import annotations

import re
from pathlib import Path

from runner.knowledge import presets

PAGE = (Path(__file__).parents[3] / "docs/knowledge.md").read_text(encoding="utf-8")


def test_the_presets_are_the_pages() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| \$([\d.]+)(.*) \|$", PAGE, re.MULTILINE)
    assert [(name, about, float(worth)) for name, about, worth, _ in rows] == [
        (preset.name, preset.about, preset.worth_usd) for preset in presets()
    ]
    bold = {name for name, *_, rest in rows if "a quarter" in rest}
    assert bold == {preset.name for preset in presets() if preset.boldness == 4.0}


def test_the_commands_are_there() -> None:
    from runner.cli.knowledge import app

    named = {
        command.name or command.callback.__name__
        for command in app.registered_commands
        if command.callback
    }
    assert set(re.findall(r"^oppie knowledge (\w+)", PAGE, re.MULTILINE)) == named
