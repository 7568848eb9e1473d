"""Test frameworks of Python, Ruby, PHP and the shell.

Options were read in each tool's own help and documentation; ``docs/tests.md`` says which of the
commands are tried with the real tool. Versions are named where an option is younger than a distribution's
long-term support.
"""

from __future__ import annotations

from dataclasses import replace

from runner.detect.arguments import bats_files, minitest_program, rspec_program, unittest_start
from runner.detect.framework import Framework, HasFile, HasKey, HasText
from runner.detect.globs import Globs
from runner.measure.reports import Format

_PY_TESTS = Globs("**/test_*.py", "**/*_test.py")
_RUBY_TESTS = Globs("test/**/*_test.rb", "test/**/test_*.rb")
_BUILDS = "builds environments, which needs the network unless the image has them"
_NO_REPORT = "writes no results for programs; its tests are counted from what it prints"

PYTEST = Framework(
    name="pytest",
    ecosystem="python",
    programs=(("pytest",), ("py.test",), ("python", "-m", "pytest"), ("python", "-m", "py.test")),
    program="python3 -m pytest",
    shape="{program} -q --color=no --junitxml={results} {args}",
    results="pytest.xml",
    format=Format.JUNIT,
    drops=(
        ("--color", 1),
        ("--junitxml", 1),
        ("--junit-xml", 1),
        ("--pdb", 0),
        ("--trace", 0),
        ("--looponfail", 0),
        ("-f", 0),
    ),
    markers=(
        HasFile(Globs("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml")),
        HasKey("pyproject.toml", ("tool", "pytest")),
        HasText(Globs("setup.cfg"), r"^\[tool:pytest\]"),
        HasText(Globs("tox.ini"), r"^\[pytest\]"),
        HasFile(Globs("**/conftest.py")),
        HasText(_PY_TESTS, r"^[ \t]*(?:import pytest|from pytest)\b"),
        HasText(_PY_TESTS, r"^(?:async )?def test_?\w*\("),
    ),
    tests=Globs(*_PY_TESTS, "**/conftest.py", "tests/**", "test/**"),
    config=Globs("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml"),
    covers=("unittest",),
    imports=True,
)

UNITTEST = Framework(
    name="unittest",
    ecosystem="python",
    programs=(("python", "-m", "unittest"),),
    program="python3 -m unittest",
    # Verbosity comes last: `discover` is only understood as the first argument.
    shape="{program} {args} -v",
    arguments=unittest_start,
    imports=True,
    markers=(
        HasText(
            Globs("**/test*.py", "**/*_test.py"), r"^[ \t]*(?:import unittest\b|from unittest\b)"
        ),
    ),
    tests=Globs("**/test*.py", "**/*_test.py", "tests/**"),
    notes=(_NO_REPORT,),
)

TOX = Framework(
    name="tox",
    ecosystem="python",
    programs=(("tox",), ("python", "-m", "tox")),
    program="tox",
    shape="{program} {args}",
    default_args="-e py",  # the interpreter that is there, in tox 3 and 4
    drops=(("--colored", 1), ("--color", 1), ("-r", 0), ("--recreate", 0)),
    exports=("NO_COLOR=1",),
    tests=Globs(*_PY_TESTS, "tests/**"),
    config=Globs("tox.ini", "tox.toml"),
    needs=("tox",),
    notes=(_BUILDS, _NO_REPORT),
)

NOX = Framework(
    name="nox",
    ecosystem="python",
    programs=(("nox",), ("python", "-m", "nox")),
    program="nox",
    shape="{program} --non-interactive --nocolor {args}",
    drops=(("--forcecolor", 0), ("--force-color", 0)),
    exports=("NO_COLOR=1",),
    tests=Globs(*_PY_TESTS, "tests/**"),
    config=Globs("noxfile.py"),
    needs=("nox",),
    notes=(_BUILDS, _NO_REPORT),
)

# Where they run pytest, its options reach it through the environment: all that the configuration
# says stays as it is.
_ADDOPTS = 'PYTEST_ADDOPTS="-q --color=no --junitxml=$PWD/{results}"'
OVER_PYTEST = {
    # tox hands on only the variables that it is told of: version 3 by one variable, version 4,
    # from 4.8 on, by another.
    "tox": replace(
        TOX,
        results="tox.xml",
        format=Format.JUNIT,
        exports=(
            "NO_COLOR=1",
            _ADDOPTS,
            "TOX_TESTENV_PASSENV=PYTEST_ADDOPTS",
            "TOX_OVERRIDE=testenv.pass_env+=PYTEST_ADDOPTS",
        ),
        notes=(
            _BUILDS,
            "needs tox 3, or 4.8 and newer: those between hand on no further variables",
        ),
    ),
    "nox": replace(
        NOX,
        results="nox.xml",
        format=Format.JUNIT,
        exports=("NO_COLOR=1", _ADDOPTS),
        notes=(_BUILDS,),
    ),
}

RSPEC = Framework(
    name="RSpec",
    ecosystem="ruby",
    programs=(("rspec",),),
    program="rspec",
    launcher=rspec_program,
    shape="{program} --no-color --format progress --format json --out {results} {args}",
    results="rspec.json",
    format=Format.RSPEC_JSON,
    drops=(
        ("--format", 1),
        ("-f", 1),
        ("--out", 1),
        ("-o", 1),
        ("--color", 0),
        ("--colour", 0),
        ("-c", 0),
        ("--force-color", 0),
        ("--only-failures", 0),
        ("--next-failure", 0),
        ("-n", 0),
    ),
    markers=(
        HasFile(Globs(".rspec")),
        HasFile(Globs("**/*_spec.rb")),
        HasText(Globs("Gemfile"), r"\brspec\b"),
    ),
    tests=Globs("spec/**"),
    config=Globs(".rspec", "Rakefile"),
    needs=("ruby", "ruby-rspec"),
)

MINITEST = Framework(
    name="Minitest",
    ecosystem="ruby",
    programs=(("rake", "test"), ("rails", "test")),
    program="",
    launcher=minitest_program,
    shape="{program} {args}",
    markers=(
        HasText(_RUBY_TESTS, r"^[ \t]*require\s+['\"](?:minitest|test/unit)"),
        HasText(Globs("test/**/*.rb"), r"\bMinitest::(?:Test|Spec|Unit)|\bActiveSupport::TestCase"),
        HasText(Globs("Rakefile"), r"\b(?:Rake::TestTask|Minitest::TestTask)\b"),
    ),
    exports=("NO_COLOR=1",),
    tests=Globs("test/**"),
    config=Globs("Rakefile"),
    needs=("ruby", "rake", "ruby-minitest"),
    notes=(_NO_REPORT,),
)

PHPUNIT = Framework(
    name="PHPUnit",
    ecosystem="php",
    programs=(("phpunit",),),
    program="phpunit",
    shape="{program} --colors=never --log-junit {results} {args}",
    results="phpunit.xml",
    format=Format.JUNIT,
    drops=(("--colors", 0), ("--log-junit", 1), ("--testdox", 0)),
    markers=(
        HasFile(Globs("phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml")),
        HasKey("composer.json", ("require-dev", "phpunit/phpunit")),
        HasText(
            Globs("tests/**/*Test.php", "test/**/*Test.php"), r"\bPHPUnit\\Framework\\TestCase\b"
        ),
    ),
    tests=Globs("tests/**", "test/**"),
    config=Globs("phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml"),
    needs=("php-cli", "php-xml", "php-mbstring", "phpunit"),
)

BATS = Framework(
    name="Bats",
    ecosystem="shell",
    programs=(("bats",),),
    program="bats",
    # `--tap` is understood since the first Bats; other report formats came with 1.3.
    shape="{program} --tap {args}",
    results="bats.tap",
    format=Format.TAP,
    copies=True,
    arguments=bats_files,
    drops=(("--pretty", 0), ("-p", 0), ("--tap", 0), ("-t", 0), ("--formatter", 1), ("-F", 1)),
    markers=(HasFile(Globs("**/*.bats")),),
    tests=Globs("**/*.bats", "**/test_helper/**", "**/test_helper.bash"),
    needs=("bats",),
)

SCRIPTING = (PYTEST, UNITTEST, TOX, NOX, RSPEC, MINITEST, PHPUNIT, BATS)
