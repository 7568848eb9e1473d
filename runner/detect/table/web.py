"""Test frameworks of JavaScript.

They are called from ``node_modules/.bin``, and never by ``npx``, which would ask, or install. CI=1
keeps them from watching, and from writing snapshots.
"""

from __future__ import annotations

from runner.detect.framework import Framework, HasFile, HasKey, HasText
from runner.detect.globs import Globs
from runner.measure.reports import Format

_EXPORTS = ("CI=1", "NO_COLOR=1")
_COLOURS = (("--color", 0), ("--colors", 0), ("--no-color", 0), ("--no-colors", 0))
_WATCHES = (("--watch", 0), ("--watchAll", 0), ("--watchall", 0), ("-w", 0))
_TESTS = Globs(
    "**/*.test.*", "**/*.spec.*", "**/__tests__/**", "**/__snapshots__/**", "**/__mocks__/**"
)
_SOME_TEST = Globs(*_TESTS, "test/**", "tests/**", "spec/**", "e2e/**")
_NODE_IMPORT = r"(?:from|require\()\s*['\"]node:test['\"]"


def _depends(name: str) -> tuple[HasKey, ...]:
    return tuple(HasKey("package.json", (key, name)) for key in ("devDependencies", "dependencies"))


JEST = Framework(
    name="Jest",
    ecosystem="javascript",
    programs=(("jest",), ("react-scripts", "test")),
    program="jest",
    shape="{program} --ci --watchAll=false --json --outputFile={results} {args}",
    results="jest.json",
    format=Format.JEST_JSON,
    drops=(
        *_WATCHES,
        *_COLOURS,
        ("--json", 0),
        ("--outputFile", 1),
        ("--reporters", 1),
        ("--ci", 0),
        ("-u", 0),
        ("--updateSnapshot", 0),
        ("-o", 0),
        ("--onlyChanged", 0),
    ),
    exports=_EXPORTS,
    markers=(
        HasFile(Globs("jest.config.*")),
        HasKey("package.json", ("jest",)),
        *_depends("jest"),
        *_depends("react-scripts"),
    ),
    requires=_SOME_TEST,
    tests=_TESTS,
    config=Globs("jest.config.*", "jest.setup.*", "babel.config.*", ".babelrc*"),
    needs=("nodejs", "npm"),
)

VITEST = Framework(
    name="Vitest",
    ecosystem="javascript",
    programs=(("vitest",),),
    program="vitest",
    shape="{program} run --reporter=default --reporter=junit --outputFile.junit={results} {args}",
    results="vitest.xml",
    format=Format.JUNIT,
    drops=(
        *_WATCHES,
        *_COLOURS,
        ("--reporter", 1),
        ("--outputFile", 1),
        ("--ui", 0),
        ("--run", 0),
        ("-u", 0),
        ("--update", 0),
        ("--changed", 0),
    ),
    drop_words=("run", "watch", "dev"),
    exports=_EXPORTS,
    markers=(HasFile(Globs("vitest.config.*", "vitest.workspace.*")), *_depends("vitest")),
    requires=_SOME_TEST,
    tests=_TESTS,
    config=Globs("vitest.config.*", "vitest.workspace.*", "vite.config.*", "vitest.setup.*"),
    needs=("nodejs", "npm"),
)

MOCHA = Framework(
    name="Mocha",
    ecosystem="javascript",
    programs=(("mocha",), ("_mocha",)),
    program="mocha",
    shape="{program} --no-color --reporter json --reporter-option output={results} {args}",
    results="mocha.json",
    format=Format.MOCHA_JSON,
    drops=(
        *_WATCHES,
        *_COLOURS,
        ("--reporter", 1),
        ("-R", 1),
        ("--reporter-option", 1),
        ("--reporter-options", 1),
        ("-O", 1),
        ("-c", 0),
    ),
    exports=_EXPORTS,
    markers=(HasFile(Globs(".mocharc.*")), HasKey("package.json", ("mocha",)), *_depends("mocha")),
    requires=_SOME_TEST,
    tests=Globs("test/**", *_TESTS),
    config=Globs(".mocharc.*"),
    needs=("nodejs", "npm"),
    notes=("needs Mocha 9.2 or newer, which can write its JSON to a file",),
)

NODE_TEST = Framework(
    name="node:test",
    ecosystem="javascript",
    programs=(("node",),),
    goals=("--test",),
    program="node --test",
    # TAP, because the JUnit reporter came later (18.19, 20.10, 21) than the choice of a reporter.
    shape="{program} --test-reporter=spec --test-reporter-destination=stdout"
    " --test-reporter=tap --test-reporter-destination={results} {args}",
    results="node.tap",
    format=Format.TAP,
    drops=(
        ("--watch", 0),
        ("--test", 0),
        ("--test-reporter", 1),
        ("--test-reporter-destination", 1),
        ("--test-update-snapshots", 0),
    ),
    exports=_EXPORTS,
    markers=(
        HasText(Globs("**/*.test.*", "**/*-test.*", "**/*_test.*", "**/test-*.*"), _NODE_IMPORT),
        HasText(Globs("test/**", "tests/**", "**/test.*"), _NODE_IMPORT),
    ),
    tests=Globs("test/**", "tests/**", "**/*.test.*", "**/*-test.*", "**/*_test.*", "**/test-*.*"),
    needs=("nodejs",),
    notes=("needs Node.js 18.15, 19.6 or newer, where a reporter can be chosen",),
)

PLAYWRIGHT = Framework(
    name="Playwright",
    ecosystem="javascript",
    programs=(("playwright", "test"),),
    program="playwright test",
    shape="{program} --reporter=list,json {args}",
    results="playwright.json",
    format=Format.PLAYWRIGHT_JSON,
    drops=(
        ("--reporter", 1),
        ("--ui", 0),
        ("--headed", 0),
        ("--debug", 0),
        ("-u", 0),
        ("--update-snapshots", 0),
    ),
    exports=(*_EXPORTS, "PLAYWRIGHT_JSON_OUTPUT_NAME={results}"),
    markers=(HasFile(Globs("playwright.config.*")), *_depends("@playwright/test")),
    requires=_SOME_TEST,
    tests=Globs("e2e/**", "tests/**", "**/*.spec.*", "**/*.test.*"),
    config=Globs("playwright.config.*"),
    needs=("nodejs", "npm"),
    notes=("needs the browsers that its version goes with in the image",),
)

WEB = (JEST, VITEST, MOCHA, NODE_TEST, PLAYWRIGHT)
