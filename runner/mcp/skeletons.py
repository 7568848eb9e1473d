"""Test files to begin with, one for each framework: they fail until somebody completes them.

The text is returned and never written by us. What an agent calls the subject becomes a name of the
language's, and a text only where quoting is safe in all of them: letters, digits and spaces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Template

from runner.mcp.desk import DeskError
from runner.mcp.results import Skeleton, Suite

_WORDS = re.compile(r"[A-Za-z]+|[0-9]+")
_MOST_WORDS = 8
_SUBJECT = "it"  # of a subject without a letter


@dataclass(frozen=True, slots=True)
class _Shape:
    """A file's path below the project's folder, and its text, with ``$snake``, ``$camel`` and
    ``$words`` for the subject."""

    path: str
    text: str


_SHAPES: Mapping[str, _Shape] = {
    "pytest": _Shape(
        "tests/test_$snake.py",
        """def test_$snake() -> None:
    # Arrange: what $words is given. Act: call it. Assert: what has to come of it.
    raise AssertionError("say what is wanted of $words")
""",
    ),
    "unittest": _Shape(
        "tests/test_$snake.py",
        """import unittest


class ${camel}Test(unittest.TestCase):
    def test_$snake(self) -> None:
        # Arrange: what $words is given. Act: call it. Assert: what has to come of it.
        self.fail("say what is wanted of $words")


if __name__ == "__main__":
    unittest.main()
""",
    ),
    "Jest": _Shape(
        "$snake.test.js",
        """describe("$words", () => {
  test("does what is wanted", () => {
    // Arrange: what it is given. Act: call it. Assert: what has to come of it.
    throw new Error("say what is wanted of $words");
  });
});
""",
    ),
    "Vitest": _Shape(
        "$snake.test.js",
        """import { describe, expect, test } from "vitest";

describe("$words", () => {
  test("does what is wanted", () => {
    // Arrange: what it is given. Act: call it. Assert: what has to come of it.
    expect.fail("say what is wanted of $words");
  });
});
""",
    ),
    "Mocha": _Shape(
        "test/$snake.test.js",
        """describe("$words", function () {
  it("does what is wanted", function () {
    // Arrange: what it is given. Act: call it. Assert: what has to come of it.
    throw new Error("say what is wanted of $words");
  });
});
""",
    ),
    "node:test": _Shape(
        "test/$snake.test.mjs",
        """import assert from "node:assert/strict";
import { test } from "node:test";

test("$words", () => {
  // Arrange: what it is given. Act: call it. Assert: what has to come of it.
  assert.fail("say what is wanted of $words");
});
""",
    ),
    "Go": _Shape(
        "${snake}_test.go",
        """package main // the package of the folder that this file is in

import "testing"

func Test$camel(t *testing.T) {
	// Arrange: what $words is given. Act: call it. Assert: what has to come of it.
	t.Fatal("say what is wanted of $words")
}
""",
    ),
    "Cargo": _Shape(
        "tests/$snake.rs",
        """#[test]
fn $snake() {
    // Arrange: what $words is given. Act: call it. Assert: what has to come of it.
    panic!("say what is wanted of $words");
}
""",
    ),
    "RSpec": _Shape(
        "spec/${snake}_spec.rb",
        """RSpec.describe "$words" do
  it "does what is wanted" do
    # Arrange: what it is given. Act: call it. Assert: what has to come of it.
    raise "say what is wanted of $words"
  end
end
""",
    ),
    "Minitest": _Shape(
        "test/${snake}_test.rb",
        """require "minitest/autorun"

class ${camel}Test < Minitest::Test
  def test_$snake
    # Arrange: what $words is given. Act: call it. Assert: what has to come of it.
    flunk "say what is wanted of $words"
  end
end
""",
    ),
    "PHPUnit": _Shape(
        "tests/${camel}Test.php",
        """<?php

use PHPUnit\\Framework\\TestCase;

final class ${camel}Test extends TestCase
{
    public function test_$snake(): void
    {
        // Arrange: what $words is given. Act: call it. Assert: what has to come of it.
        $$this->fail('say what is wanted of $words');
    }
}
""",
    ),
}
# Runners of another framework's files.
_SAME = {"nextest": "Cargo", "tox": "pytest", "nox": "pytest"}
FRAMEWORKS = tuple(_SHAPES)


def skeleton_of(framework: str, subject: str, suites: Sequence[Suite]) -> Skeleton:
    """A test file for ``subject``, in the way of ``framework``, or of the first of ``suites`` that
    there is one for.

    Raises ``DeskError`` for a framework without one; it names those that have.
    """
    suite = _suite(framework, suites)
    name = _SAME.get(suite.framework, suite.framework)
    shape, words = _SHAPES[name], _words(subject)
    # A name may begin with a digit in none of the languages.
    said = {
        "snake": "_".join(words).lower(),
        "camel": "".join(word.capitalize() for word in words),
        "words": " ".join(words),
    }
    path = Template(shape.path).substitute(said)
    if suite.folder:
        path = f"{suite.folder}/{path}"
    return Skeleton(name, path, Template(shape.text).substitute(said), suite.command)


def _suite(framework: str, suites: Sequence[Suite]) -> Suite:
    wanted = framework.lower()
    for suite in suites:
        known = _SAME.get(suite.framework, suite.framework) in _SHAPES
        if known and wanted in ("", suite.framework.lower()):
            return suite
    for name in _SHAPES:
        if wanted == name.lower():
            return Suite(name, "")
    here = f"none of {', '.join(suite.framework for suite in suites)}" if suites else "no framework"
    asked = f"{framework!r} has no skeleton" if framework else f"{here} here has a skeleton"
    raise DeskError(f"{asked}; there are some for {', '.join(_SHAPES)}: name one as framework")


def _words(subject: str) -> list[str]:
    found = _WORDS.findall(subject)[:_MOST_WORDS]
    return found if found and not found[0].isdigit() else [_SUBJECT, *found][:_MOST_WORDS]
