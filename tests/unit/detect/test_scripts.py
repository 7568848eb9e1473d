"""Scripts, environments and targets: what they come down to, and what is kept of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.detect import Level
from runner.measure.reports import Format
from tests.unit.detect.repository import JS_TEST, PYTEST_FILE, found_in, only_test

JEST = "jest --ci --watchAll=false --json --outputFile=.oppie/results/jest.json"
PYTEST = "python3 -m pytest -q --color=no --junitxml=.oppie/results/pytest.xml"


def package(**scripts: str) -> str:
    return json.dumps({"scripts": scripts})


def last_part(command: str) -> str:
    """What comes after the results were cleared and variables set."""
    return command.partition(" && mkdir -p .oppie/results && ")[2].partition('$PATH" && ')[2]


@pytest.mark.parametrize(
    ("script", "command"),
    [
        ("jest", JEST),
        ("jest --coverage", f"{JEST} --coverage"),
        ("jest --watch", JEST),
        ("jest --watchAll --runInBand", f"{JEST} --runInBand"),
        ("jest --outputFile out.json --json -i", f"{JEST} -i"),
        ("jest --reporters=default --colors -u", JEST),
        ("npx jest src", f"{JEST} src"),
        ("npx --no-install jest", JEST),
        ("yarn jest", JEST),
        ("pnpm exec jest", JEST),
        ("./node_modules/.bin/jest", JEST),
        ("NODE_ENV=test jest", f"NODE_ENV=test {JEST}"),
        ("cross-env TZ=UTC jest -i", f"cross-env TZ=UTC {JEST} -i"),
        ("react-scripts test", f"react-scripts test {JEST.removeprefix('jest ')}"),
        (
            "node --experimental-vm-modules node_modules/jest/bin/jest.js",
            f"node --experimental-vm-modules node_modules/jest/bin/jest.js {JEST[5:]}",
        ),
        ("tsc -p . && jest", f"tsc -p . && {JEST}"),
        ("jest; eslint .", f"{JEST} && eslint ."),
        ("jest --testMatch '**/*.js'", f"{JEST} --testMatch '**/*.js'"),
        ('jest "src/**/*.test.js"', f'{JEST} "src/**/*.test.js"'),
        ("jest src/*.test.js", f"{JEST} src/*.test.js"),
        ("npm ci && tsc && jest", f"tsc && {JEST}"),
        ("yarn && yarn tsc && npx playwright install && jest", f"yarn tsc && {JEST}"),
        ("jest -r ./setup.js", f"{JEST} -r ./setup.js"),
        ("jest nx/test", f"{JEST} nx/test"),
    ],
)
def test_a_package_script_keeps_what_is_safe(tmp_path: Path, script: str, command: str) -> None:
    found = only_test(tmp_path, {"package.json": package(test=script), "a.test.js": JS_TEST})
    assert (found.framework, found.level) == ("Jest", Level.SCRIPT)
    assert found.via == "npm run --silent test"
    assert last_part(found.command) == command
    assert found.why[0] == "package.json: scripts.test runs Jest"


@pytest.mark.parametrize(
    ("script", "framework", "command"),
    [
        ("vitest", "Vitest", "vitest run --reporter=default"),
        ("vitest watch --dir x", "Vitest", "outputFile.junit=.oppie/results/vitest.xml --dir x"),
        ("nyc --all mocha -R spec test", "Mocha", "nyc --all mocha --no-color --reporter json"),
        ("mocha -w --reporter-options a=b x", "Mocha", "output=.oppie/results/mocha.json x"),
        ("node --test --watch test/", "node:test", "tap --test-reporter-destination=.oppie/"),
        ("node --import tsx --test x.ts", "node:test", "results/node.tap --import tsx x.ts"),
        ("playwright test --ui", "Playwright", "playwright test --reporter=list,json"),
    ],
)
def test_other_frameworks_of_package_scripts(
    tmp_path: Path, script: str, framework: str, command: str
) -> None:
    found = only_test(tmp_path, {"package.json": package(test=script), "test/a.js": JS_TEST})
    assert found.framework == framework
    assert command in found.command
    assert "watch" not in found.command.replace("--watchAll=false", "")
    assert not found.command.rstrip().endswith(("--ui", "-R spec"))


def test_scripts_are_followed_through_other_scripts(tmp_path: Path) -> None:
    scripts = package(
        pretest="npm run build",
        build="tsc",
        test="npm run -s test:unit -- --bail",
        **{"test:unit": "jest"},
    )
    found = only_test(tmp_path, {"package.json": scripts, "a.test.js": JS_TEST})
    assert last_part(found.command) == f"tsc && {JEST} --bail"


def test_two_frameworks_in_one_script_are_two_checks(tmp_path: Path) -> None:
    files = {"package.json": package(test="tsc && jest && playwright test && echo ok")}
    tests = found_in(tmp_path, files | {"a.test.js": JS_TEST}).tests
    assert [test.framework for test in tests] == ["Jest", "Playwright"]
    assert last_part(tests[0].command) == f"tsc && {JEST}"
    assert tests[1].command.endswith("&& tsc && playwright test --reporter=list,json && echo ok")


@pytest.mark.parametrize(
    "script",
    [
        "jest | tee log",
        "jest > log",
        "jest $EXTRA",
        "for f in *; do jest $f; done",
        "cd web && jest",
        "jest || true",
        "jest & wait",
        "./run-tests.sh",
        'jest "$(cat list)"',
    ],
)
def test_what_a_script_does_beyond_plain_commands_is_left_to_it(
    tmp_path: Path, script: str
) -> None:
    found = only_test(tmp_path, {"package.json": package(test=script)})
    assert (found.framework, found.level, found.results) == ("npm", Level.SCRIPT, "")
    assert found.command == (
        'export CI=1 NO_COLOR=1 PATH="$PWD/node_modules/.bin:$PATH" && npm run --silent test'
    )


@pytest.mark.parametrize("script", ["tsc --noEmit", "eslint . && prettier -c ."])
def test_a_check_that_lints_is_no_test(tmp_path: Path, script: str) -> None:
    files = {"package.json": package(check=script), "vitest.config.ts": "", "a.test.ts": JS_TEST}
    found = only_test(tmp_path, files)
    assert (found.framework, found.level) == ("Vitest", Level.MARKER)


@pytest.mark.parametrize("script", ['echo "Error: no test specified" && exit 1', "  "])
def test_no_test_is_no_test(tmp_path: Path, script: str) -> None:
    assert found_in(tmp_path, {"package.json": package(test=script)}).tests == ()


def test_the_best_named_script_is_used(tmp_path: Path) -> None:
    scripts = package(check="mocha", **{"test:unit": "vitest", "test": "jest"})
    found = found_in(tmp_path, {"package.json": scripts, "a.test.js": JS_TEST})
    assert [test.framework for test in found.tests] == ["Jest"]


@pytest.mark.parametrize(
    ("makefile", "command"),
    [
        ("test:\n\tpytest -x\n", f"{PYTEST} -x"),
        ("PY := python3.11\ntest:\n\t@$(PY) -m pytest tests\n", f"{PYTEST} tests"),
        ("test: build\n\tpytest\nbuild:\n\tcython a.pyx\n", f"cython a.pyx && {PYTEST}"),
        ("test: lib.so\n\tpytest\n", f"make lib.so && {PYTEST}"),
        ("check: lint unit\nlint:\n\truff .\nunit:\n\tpytest\n", f"ruff . && {PYTEST}"),
        ("test:\n\t$(MAKE) unit\nunit:\n\tpytest -v\n", f"{PYTEST} -v"),
        ("test: ; pytest\n", PYTEST),
        ("NEED = lib.so\ntest: $(NEED)\n\tpytest\n", f"make lib.so && {PYTEST}"),
        ("test:  ## runs; all tests\n\tpytest\n", PYTEST),
        ("test:\n\tpytest \\\n\t  -x\n", f"{PYTEST} -x"),
        ("test:\n\tpoetry run pytest -k a\n", f"{PYTEST} -k a"),
        ("test:\n\tcoverage run --branch -m pytest\n", PYTEST),
    ],
)
def test_targets_of_a_makefile(tmp_path: Path, makefile: str, command: str) -> None:
    found = only_test(tmp_path, {"Makefile": makefile, "test_a.py": PYTEST_FILE})
    assert (found.framework, found.level) == ("pytest", Level.SCRIPT)
    assert found.via in ("make test", "make check")
    assert found.command.partition("mkdir -p .oppie/results && ")[2] == command


@pytest.mark.parametrize(
    "makefile",
    [
        "test:\n\tpytest $(UNKNOWN)\n",
        "test:\n\t-pytest\n",
        "test:\n\tfor i in 1 2; do pytest; done\n",
        "ifdef CI\ntest:\n\tpytest\nendif\n",
        "test:\n\tpytest\ntest:\n\tpytest -x\n",
        "test: | build\n\tpytest\n",
        "test: $(wildcard *.c)\n\tpytest\n",
        ".ONESHELL:\ntest:\n\tpytest\n",
        "A = x\nifdef CI\nA = y\nendif\ntest:\n\tpytest $(A)\n",
        "OPTS = -x\nOPTS += -v\ntest:\n\tpytest $(OPTS)\n",
        "A = $(A)\ntest:\n\tpytest $(A)\n",
    ],
)
def test_what_only_make_can_know_is_left_to_make(tmp_path: Path, makefile: str) -> None:
    found = found_in(tmp_path, {"Makefile": makefile, "test_a.py": PYTEST_FILE})
    assert [test.command for test in found.tests] == ["export CI=1 NO_COLOR=1 && make test"]
    assert found.tests[0].judged == ("Makefile",)
    assert [each.framework for each in found.alternatives] == ["pytest"]


@pytest.mark.parametrize(
    ("justfile", "framework"),
    [
        ("test:\n    pytest -x\n", "pytest"),
        ("default: test\n\ntest *ARGS:\n    @pytest\n", "pytest"),
        ("x := 'a'\ntest: build\n    pytest\nbuild:\n    make\n", "pytest"),
        ("test *ARGS:\n    pytest {{ARGS}}\n", "just"),
        ("test:\n    #!/bin/bash\n    pytest\n", "just"),
    ],
)
def test_recipes_of_a_justfile(tmp_path: Path, justfile: str, framework: str) -> None:
    found = only_test(tmp_path, {"justfile": justfile, "test_a.py": PYTEST_FILE})
    assert (found.framework, found.level) == (framework, Level.SCRIPT)


@pytest.mark.parametrize(
    "pyproject",
    [
        '[tool.hatch.envs.default.scripts]\ntest = "pytest -x"\n',
        '[tool.pdm.scripts]\ntest = {cmd = "pytest -x"}\n',
        '[tool.pdm.scripts]\ntest = {cmd = ["pytest", "-x"]}\n',
        '[tool.poe.tasks]\ntest = "pytest -x"\n',
        '[tool.poe.tasks.test]\ncmd = "pytest -x"\n',
        '[tool.taskipy.tasks]\ntest = "pytest -x"\n',
        '[tool.tox]\nlegacy_tox_ini = """\n[testenv]\ncommands = pytest -x\n"""\n',
        '[tool.tox.env_run_base]\ncommands = [["pytest", "-x"]]\n',
    ],
)
def test_scripts_of_a_pyproject(tmp_path: Path, pyproject: str) -> None:
    found = only_test(tmp_path, {"pyproject.toml": pyproject, "test_a.py": PYTEST_FILE})
    assert (found.framework, found.level) == ("pytest", Level.SCRIPT)
    assert found.command.endswith(f"{PYTEST} -x")


@pytest.mark.parametrize(
    ("commands", "command"),
    [
        ("pytest {posargs}", PYTEST),
        ("pytest {posargs:tests -x}", f"{PYTEST} tests -x"),
        ("{envpython} -m pytest {toxinidir}/tests", f"{PYTEST} tests"),
        ("{envbindir}/pytest", PYTEST),
        ("coverage run -m pytest {posargs}", PYTEST),
        ("\n    ruff check\n    pytest", f"ruff check && {PYTEST}"),
    ],
)
def test_what_tox_runs_is_run_directly(tmp_path: Path, commands: str, command: str) -> None:
    tox = f"[tox]\nenvlist = py39, py311\n\n[testenv]\ndeps = pytest\ncommands = {commands}\n"
    found = only_test(tmp_path, {"tox.ini": tox, "test_a.py": PYTEST_FILE})
    assert (found.framework, found.via, found.level) == ("pytest", "tox -e py", Level.SCRIPT)
    assert found.command.partition("mkdir -p .oppie/results && ")[2] == command


def test_tox_sets_variables(tmp_path: Path) -> None:
    tox = "[testenv]\nsetenv =\n    MODE = test\ncommands = pytest\n"
    found = only_test(tmp_path, {"tox.ini": tox, "test_a.py": PYTEST_FILE})
    assert found.command.endswith(f"&& MODE=test {PYTEST}")


@pytest.mark.parametrize(
    "testenv",
    [
        "commands = pytest {env:ARGS}",
        "commands = - pytest",
        "commands =\n    py311: pytest",
        "changedir = web\ncommands = pytest",
        "setenv = HOME = {envtmpdir}\ncommands = pytest",
    ],
)
def test_what_only_tox_knows_is_run_by_tox_with_pytest_told_where(
    tmp_path: Path, testenv: str
) -> None:
    tox = f"[tox]\nskipsdist = true\n\n[testenv]\n{testenv}\n"
    found = only_test(tmp_path, {"tox.ini": tox})
    assert (found.framework, found.level) == ("tox", Level.SCRIPT)
    assert found.command == (
        "rm -rf .oppie/results && mkdir -p .oppie/results && export NO_COLOR=1"
        ' PYTEST_ADDOPTS="-q --color=no --junitxml=$PWD/.oppie/results/tox.xml"'
        " TOX_TESTENV_PASSENV=PYTEST_ADDOPTS TOX_OVERRIDE=testenv.pass_env+=PYTEST_ADDOPTS"
        " && tox -e py"
    )
    assert (found.results, found.format) == (".oppie/results/tox.xml", Format.JUNIT)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tox.ini", "[testenv]\ndeps = x\ncommands = pytest {env:ARGS}\n"),
        ("tox.ini", "[testenv]\ncommands = pytest {env:ARGS}\n"),
        ("tox.ini", "[tox]\nskipsdist = true\n[testenv]\nextras = x\ncommands = - pytest\n"),
        ("tox.toml", 'env_run_base.commands = [["pytest", "{env:X}"]]\n'),
        ("tox.toml", '[env_run_base]\ndeps = ["a"]\ncommands = [["pytest", "{env:X}"]]\n'),
        (
            "noxfile.py",
            "@nox.session\ndef tests(s):\n    s.install('.')\n    s.run('pytest', x())\n",
        ),
    ],
)
def test_an_environment_that_takes_a_network_is_done_without(
    tmp_path: Path, name: str, text: str
) -> None:
    found = only_test(tmp_path, {name: text, "test_a.py": PYTEST_FILE})
    assert (found.framework, found.level) == ("pytest", Level.SCRIPT)
    assert found.via.startswith(("tox -e py", "nox "))
    assert found.command.endswith(PYTEST)
    assert "in an environment that takes a network to be made" in found.why[0]


def test_an_environment_of_tox_s_own_toml_without_a_network(tmp_path: Path) -> None:
    text = 'no_package = true\n[env_run_base]\ncommands = [["pytest", "{env:X}"]]\n'
    assert only_test(tmp_path, {"tox.toml": text}).framework == "tox"


def test_tox_over_something_else(tmp_path: Path) -> None:
    found = only_test(tmp_path, {"tox.ini": "[testenv]\ncommands = stestr run {env:X}\n"})
    assert (found.framework, found.results) == ("tox", "")
    assert found.command == "export NO_COLOR=1 && tox -e py"


NOX = (
    "import nox\n\n\n@nox.session(python=['3.11'])\ndef {name}(session):\n    session.run({run})\n"
)


def test_what_nox_runs_is_run_directly(tmp_path: Path) -> None:
    noxfile = NOX.format(name="tests", run="'pytest', '-k', 'a b', *session.posargs")
    found = only_test(tmp_path, {"noxfile.py": noxfile, "test_a.py": PYTEST_FILE})
    assert (found.framework, found.level) == ("pytest", Level.SCRIPT)
    assert found.via == "nox --non-interactive --nocolor -s tests"
    assert found.command.endswith(f"{PYTEST} -k 'a b'")


@pytest.mark.parametrize(
    "run", ["'pytest', str(1)", "'pytest', env={'A': 'b'}", "*['pytest'], 'x'"]
)
def test_what_only_nox_knows_is_run_by_nox(tmp_path: Path, run: str) -> None:
    found = only_test(tmp_path, {"noxfile.py": NOX.format(name="tests", run=run)})
    assert (found.framework, found.results) == ("nox", ".oppie/results/nox.xml")
    assert found.command.endswith(" && nox --non-interactive --nocolor -s tests")


def test_a_noxfile_is_never_run(tmp_path: Path) -> None:
    trap = tmp_path / "sprung"
    noxfile = f"import nox\nopen({str(trap)!r}, 'w')\n\n@nox.session\ndef tests(session):\n    session.run('pytest')\n"
    assert only_test(tmp_path / "r", {"noxfile.py": noxfile}).framework == "pytest"
    assert not trap.exists()


@pytest.mark.parametrize(
    ("scripts", "framework", "end"),
    [
        ({"test": "phpunit --testdox"}, "PHPUnit", ".oppie/results/phpunit.xml"),
        ({"test": ["@lint", "phpunit"], "lint": "phplint"}, "PHPUnit", "phpunit.xml"),
        ({"test": "@php vendor/bin/phpunit tests"}, "PHPUnit", "phpunit.xml tests"),
        ({"test": "App\\Tests::run"}, "composer", "--no-interaction --no-ansi test"),
    ],
)
def test_scripts_of_composer(
    tmp_path: Path, scripts: dict[str, object], framework: str, end: str
) -> None:
    found = only_test(tmp_path, {"composer.json": json.dumps({"scripts": scripts})})
    assert (found.framework, found.level) == (framework, Level.SCRIPT)
    assert found.command.endswith(end)
    assert "npx" not in found.command


@pytest.mark.parametrize(
    ("line", "framework", "part"),
    [
        ("go test -v -race ./pkg/...", "Go", "go test -json -count=1 -race ./pkg/... > "),
        (
            "cargo test --release -q",
            "Cargo",
            "cargo test --color never --no-fail-fast --release > ",
        ),
        ("cargo nextest run --profile ci", "nextest", "cargo nextest run --color never"),
        ("bundle exec rspec -f d spec/a", "RSpec", "rspec --no-color --format progress"),
        ("mvn -q verify", "Maven", "mvn -B -o -Dstyle.color=never verify; "),
        ("./gradlew :app:test", "Gradle", "cleanTest :app:test; "),
        ("dotnet test A.sln -l trx", "", "dotnet test A.sln --nologo"),
        ("mix test --color", "ExUnit", "mix test --no-color --trace"),
        ("ctest --test-dir out -V", "CTest", "/.oppie/results/ctest.xml --test-dir out"),
        ("bats -p tests", "Bats", "bats --tap tests > "),
        ("swift test --parallel --filter A", "Swift", "part.xml --filter A; "),
        ("python -m unittest tests.a", "unittest", "python3 -m unittest tests.a -v"),
        ("rake test", "Minitest", "ruby -Ilib -Itest"),
        ("tox -e lint", "tox", "tox -e lint"),
    ],
)
def test_frameworks_behind_a_target(tmp_path: Path, line: str, framework: str, part: str) -> None:
    found = only_test(tmp_path, {"Makefile": f"test:\n\t{line}\n"})
    assert found.framework == (framework or ".NET")
    assert part in found.command


@pytest.mark.parametrize("line", ["mvn clean install", "mvn compile", "gradle assemble"])
def test_a_build_is_no_test(tmp_path: Path, line: str) -> None:
    found = only_test(tmp_path, {"Makefile": f"test:\n\t{line}\n"})
    assert found.framework == ("make" if "install" not in line else "Maven")


def test_scripts_that_call_each_other_in_a_circle(tmp_path: Path) -> None:
    scripts = package(test="npm run a", a="npm run b", b="npm run a")
    assert only_test(tmp_path, {"package.json": scripts}).framework == "npm"


def test_scripts_that_multiply_end_soon(tmp_path: Path) -> None:
    calls = " && ".join(["npm run s{}"] * 50)
    scripts = {f"s{n}": calls.format(*[n + 1] * 50) for n in range(12)} | {"s12": "jest"}
    found = only_test(tmp_path, {"package.json": package(test="npm run s0", **scripts)})
    assert found.framework in ("npm", "Jest")
