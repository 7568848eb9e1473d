"""The shipped catalogue on real files: what applies to what, and what comes of it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest

from runner.agents.catalogue import load_catalogue
from runner.model import Action, ActionKind

HELIOS = Path(__file__).parents[2] / "examples" / "helios"
ACTIONS = {action.key: action for action in load_catalogue(HELIOS / "catalogue")}
BREAK_THE_TESTS = ("12-trust-file-size", "13-write-on-close")
BEST = (
    "01-one-shot-digest",
    "05-pack-file",
    "06-one-write-per-commit",
    "07-binary-trees",
    "08-no-deep-copy",
    "09-node-tree",
)


def _tools() -> ModuleType:
    """The example's own module, which isn't on the path."""
    spec = importlib.util.spec_from_file_location("space_tools", HELIOS / "space_tools.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tools = _tools()


@pytest.fixture(scope="module")
def shop() -> Iterator[Any]:
    with tools.scratch_folder() as scratch:
        yield tools.Workshop(HELIOS, scratch)


def picked(*keys: str) -> list[Action]:
    return [ACTIONS[key] for key in keys]


def test_every_action_says_what_it_is() -> None:
    assert all(action.description and action.tag for action in ACTIONS.values())
    kinds = [action.kind for action in ACTIONS.values()]
    assert kinds.count(ActionKind.PATCH) >= 14
    assert kinds.count(ActionKind.COMMAND) >= 1


@pytest.mark.parametrize("key", sorted(ACTIONS))
def test_every_action_but_one_applies_to_the_untouched_target(shop: Any, key: str) -> None:
    applied = shop.apply(shop.root, ACTIONS[key]) is not None
    assert applied == (key != "06-one-write-per-commit")


@pytest.mark.parametrize(
    "pair",
    [
        ("02-skip-stored-objects", "03-remember-contents"),
        ("04-compress-objects", "05-pack-file"),
        ("08-no-deep-copy", "10-check-each-commit"),
    ],
)
def test_a_conflict_is_one_in_either_order(shop: Any, pair: tuple[str, str]) -> None:
    assert shop.build(picked(*pair)) is None
    assert shop.build(picked(*reversed(pair))) is None


def test_the_best_first_step_bars_what_the_best_state_needs(shop: Any) -> None:
    barred = ("05-pack-file", "06-one-write-per-commit")
    assert shop.build(picked(*barred)) is not None
    assert shop.build(picked("03-remember-contents", *barred)) is None
    assert shop.build(picked(*barred, "03-remember-contents")) is None


@pytest.mark.parametrize("seed", range(6))
def test_the_best_state_is_the_same_tree_in_any_order(shop: Any, seed: int) -> None:
    order = [key for key in BEST if key != "06-one-write-per-commit"]
    Random(seed).shuffle(order)
    after = Random(seed).randint(order.index("05-pack-file") + 1, len(order))
    order.insert(after, "06-one-write-per-commit")
    commit = shop.build(picked(*order))
    assert commit is not None
    assert shop.tree(commit) == shop.tree(shop.build(picked(*BEST)))


def test_only_one_action_touches_what_is_protected(shop: Any) -> None:
    tampering = [key for key, action in ACTIONS.items() if tools.tampers(shop, action)]
    assert tampering == ["15-shorter-benchmark"]


def test_one_action_leaves_the_source_as_it_is(shop: Any) -> None:
    same = [k for k, action in ACTIONS.items() if shop.apply(shop.root, action) == shop.root]
    assert same == ["16-precompile"]


def folder_of(shop: Any, *keys: str) -> Path:
    commit = shop.build([ACTIONS[key] for key in keys])
    assert commit is not None
    folder: Path = shop.folder(commit)
    return folder


def test_the_untouched_target_passes_its_tests(shop: Any) -> None:
    assert tools.tests_pass(folder_of(shop))


@pytest.mark.parametrize("key", BREAK_THE_TESTS)
def test_two_actions_break_the_tests(shop: Any, key: str) -> None:
    assert not tools.tests_pass(folder_of(shop, key))


def test_the_best_state_passes_and_is_over_five_times_as_fast(shop: Any) -> None:
    folder = folder_of(shop, *BEST)
    assert tools.tests_pass(folder)
    assert tools.benchmark(folder_of(shop)) > 5 * tools.benchmark(folder)


def test_a_metric_that_is_printed_twice_is_none(shop: Any) -> None:
    assert tools.benchmark(folder_of(shop, "14-built-in-timer")) is None


@pytest.mark.parametrize("key", ["11-diff-skips-equal-folders", "16-precompile"])
def test_what_does_nothing_is_out_of_the_benchmarks_way(shop: Any, key: str) -> None:
    assert tools.is_idle(shop, ACTIONS[key])
