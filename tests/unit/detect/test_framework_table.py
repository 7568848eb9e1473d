"""Each framework in a repository in which nothing but files speaks for it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from runner.detect import Level
from runner.detect.table import BY_NAME, FRAMEWORKS, OVER_PYTEST
from runner.measure.reports import Format
from tests.unit.detect.repository import (
    GO_TEST,
    JS_TEST,
    NODE_TEST,
    PYTEST_FILE,
    RUST_TEST,
    UNITTEST_FILE,
    found_in,
    only_test,
)

CLEAR = "rm -rf .oppie/results && mkdir -p .oppie/results && "
CI = 'export CI=1 NO_COLOR=1 PATH="$PWD/node_modules/.bin:$PATH" && '
BUILT = '"$HOME"/.cache/oppie-build'
JAVA_TEST = "src/test/java/ATest.java"
TEST_SDK = '<Project><PackageReference Include="Microsoft.NET.Test.Sdk"/></Project>'

# Framework, files, the command without its preparations, results, format.
CASES: tuple[tuple[str, dict[str, str], str, str, Format | None], ...] = (
    (
        "pytest",
        {"a.py": "", "test_a.py": PYTEST_FILE},
        CLEAR + "python3 -m pytest -q --color=no --junitxml=.oppie/results/pytest.xml",
        ".oppie/results/pytest.xml",
        Format.JUNIT,
    ),
    (
        "unittest",
        {"a.py": "", "test_a.py": UNITTEST_FILE},
        "python3 -m unittest discover -v",
        "",
        None,
    ),
    (
        "Jest",
        {"package.json": '{"devDependencies": {"jest": "^29"}}', "a.test.js": JS_TEST},
        CLEAR + CI + "jest --ci --watchAll=false --json --outputFile=.oppie/results/jest.json",
        ".oppie/results/jest.json",
        Format.JEST_JSON,
    ),
    (
        "Vitest",
        {"package.json": "{}", "vitest.config.ts": "", "src/a.spec.ts": JS_TEST},
        CLEAR + CI + "vitest run --reporter=default --reporter=junit"
        " --outputFile.junit=.oppie/results/vitest.xml",
        ".oppie/results/vitest.xml",
        Format.JUNIT,
    ),
    (
        "Mocha",
        {"package.json": "{}", ".mocharc.yml": "spec: test\n", "test/a.js": JS_TEST},
        CLEAR + CI + "mocha --no-color --reporter json"
        " --reporter-option output=.oppie/results/mocha.json",
        ".oppie/results/mocha.json",
        Format.MOCHA_JSON,
    ),
    (
        "node:test",
        {"a.test.mjs": NODE_TEST},
        CLEAR + "export CI=1 NO_COLOR=1 && node --test"
        " --test-reporter=spec --test-reporter-destination=stdout"
        " --test-reporter=tap --test-reporter-destination=.oppie/results/node.tap",
        ".oppie/results/node.tap",
        Format.TAP,
    ),
    (
        "Playwright",
        {"package.json": "{}", "playwright.config.ts": "", "e2e/a.spec.ts": ""},
        CLEAR + "export CI=1 NO_COLOR=1 PLAYWRIGHT_JSON_OUTPUT_NAME=.oppie/results/playwright.json"
        ' PATH="$PWD/node_modules/.bin:$PATH" && playwright test --reporter=list,json',
        ".oppie/results/playwright.json",
        Format.PLAYWRIGHT_JSON,
    ),
    (
        "Go",
        {"go.mod": "module a\n", "a_test.go": GO_TEST},
        CLEAR + "go test -json -count=1 ./... > .oppie/results/go.json",
        ".oppie/results/go.json",
        Format.GO_JSON,
    ),
    (
        "Cargo",
        {"Cargo.toml": "", "src/lib.rs": RUST_TEST},
        CLEAR + "cargo test --color never --no-fail-fast > .oppie/results/cargo.txt 2>&1;"
        " code=$?; cat .oppie/results/cargo.txt; (exit $code)",
        ".oppie/results/cargo.txt",
        Format.CARGO_TEXT,
    ),
    (
        "nextest",
        {"Cargo.toml": "", ".config/nextest.toml": "", "src/lib.rs": RUST_TEST},
        CLEAR + 'rm -f "${CARGO_TARGET_DIR:-target}"/nextest/default/*.xml &&'
        " printf '[profile.default.junit]\\npath = \"oppie.xml\"\\n' > .oppie/nextest.toml &&"
        " cargo nextest run --color never --no-fail-fast"
        ' --tool-config-file oppie:"$PWD"/.oppie/nextest.toml; code=$?;'
        ' cp "${CARGO_TARGET_DIR:-target}"/nextest/default/*.xml .oppie/results/nextest.xml;'
        " (exit $code)",
        ".oppie/results/nextest.xml",
        Format.JUNIT,
    ),
    (
        "RSpec",
        {"spec/a_spec.rb": "describe 'a' do\nend\n"},
        CLEAR + "rspec --no-color --format progress --format json --out .oppie/results/rspec.json",
        ".oppie/results/rspec.json",
        Format.RSPEC_JSON,
    ),
    (
        "Minitest",
        {"test/test_a.rb": "require 'minitest/autorun'\n"},
        'export NO_COLOR=1 && ruby -Ilib -Itest -e \'Dir["./test/**/{test_*,*_test}.rb"].sort.each'
        " { |file| require file }' -- -v",
        "",
        None,
    ),
    (
        "PHPUnit",
        {"phpunit.xml.dist": "<phpunit/>", "tests/ATest.php": "<?php\n"},
        CLEAR + 'export PATH="$PWD/vendor/bin:$PATH" &&'
        " phpunit --colors=never --log-junit .oppie/results/phpunit.xml",
        ".oppie/results/phpunit.xml",
        Format.JUNIT,
    ),
    (
        "Maven",
        {"pom.xml": "<project/>", JAVA_TEST: ""},
        CLEAR + "( find . -path '*/target/surefire-reports/TEST-*.xml' -delete;"
        " mvn -B -o -Dstyle.color=never test; code=$?; { echo '<testsuites>';"
        " find . -path '*/target/surefire-reports/TEST-*.xml' -exec sed 's/<?xml[^>]*?>//' '{}' +;"
        " echo '</testsuites>'; } > .oppie/results/maven.xml; exit $code )",
        ".oppie/results/maven.xml",
        Format.JUNIT,
    ),
    (
        "Gradle",
        {"build.gradle.kts": "", "gradlew": "", JAVA_TEST: ""},
        CLEAR + "( find . -path '*/build/test-results/*/TEST-*.xml' -delete;"
        " ./gradlew --offline --no-daemon --console=plain cleanTest test; code=$?;"
        " { echo '<testsuites>';"
        " find . -path '*/build/test-results/*/TEST-*.xml' -exec sed 's/<?xml[^>]*?>//' '{}' +;"
        " echo '</testsuites>'; } > .oppie/results/gradle.xml; exit $code )",
        ".oppie/results/gradle.xml",
        Format.JUNIT,
    ),
    (
        "Swift",
        {"Package.swift": "", "Tests/ATests/A.swift": ""},
        CLEAR + "( find . -path '*/.oppie/results/part*.xml' -delete;"
        " swift test --parallel --xunit-output .oppie/results/part.xml; code=$?;"
        " { echo '<testsuites>';"
        " find . -path '*/.oppie/results/part*.xml' -exec sed 's/<?xml[^>]*?>//' '{}' +;"
        " echo '</testsuites>'; } > .oppie/results/swift.xml; exit $code )",
        ".oppie/results/swift.xml",
        Format.JUNIT,
    ),
    (
        ".NET",
        {"A.sln": "", "A.Tests/A.Tests.csproj": TEST_SDK},
        CLEAR + "export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 NO_COLOR=1 &&"
        ' dotnet test A.Tests/A.Tests.csproj --nologo --logger "trx;LogFileName=dotnet.trx"'
        " --results-directory .oppie/results",
        ".oppie/results/dotnet.trx",
        Format.TRX,
    ),
    (
        "ExUnit",
        {"mix.exs": "", "test/a_test.exs": ""},
        "export NO_COLOR=1 && mix test --no-color --trace",
        "",
        None,
    ),
    (
        "CTest",
        {"CMakeLists.txt": "project(a)\nenable_testing()\n"},
        CLEAR + f"export NO_COLOR=1 && cmake -S . -B {BUILT} -DCMAKE_BUILD_TYPE=Release"
        f" && cmake --build {BUILT} && ctest --test-dir {BUILT} --output-on-failure"
        ' --no-tests=error --output-junit "$PWD"/.oppie/results/ctest.xml',
        ".oppie/results/ctest.xml",
        Format.JUNIT,
    ),
    (
        "Bats",
        {"test/a.bats": '@test "a" { true; }\n', "test/more/b.bats": ""},
        CLEAR + "bats --tap test test/more > .oppie/results/bats.tap 2>&1;"
        " code=$?; cat .oppie/results/bats.tap; (exit $code)",
        ".oppie/results/bats.tap",
        Format.TAP,
    ),
)


@pytest.mark.parametrize(
    ("name", "files", "command", "results", "format_"), CASES, ids=[case[0] for case in CASES]
)
def test_files_speak_for_a_framework(
    tmp_path: Path,
    name: str,
    files: dict[str, str],
    command: str,
    results: str,
    format_: Format | None,
) -> None:
    found = only_test(tmp_path, files)
    assert (found.framework, found.level, found.folder) == (name, Level.MARKER, "")
    assert found.command == command
    assert (found.results, found.format) == (results, format_)
    assert found.why
    assert found.linux


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("XCTest", {"App.xcodeproj/project.pbxproj": "// !$*UTF8*$!\n"}),
        ("XCTest", {"App.xcworkspace/contents.xcworkspacedata": ""}),
        ("fastlane", {"fastlane/Fastfile": "lane :test do\nend\n"}),
    ],
)
def test_what_only_a_mac_can_run_is_named_and_not_used(
    tmp_path: Path, name: str, files: dict[str, str]
) -> None:
    found = found_in(tmp_path, files)
    assert found.tests == found.alternatives == found.benchmarks == ()
    assert [(each.what, each.why) for each in found.unchosen] == [
        (name, "macOS only: it can't run in a Linux container")
    ]


def test_every_framework_has_a_case() -> None:
    by_scripts = {"tox", "nox"}  # test_scripts.py
    by_name = {"XCTest", "fastlane"}
    assert {case[0] for case in CASES} | by_scripts | by_name == set(BY_NAME)


@pytest.mark.parametrize(
    ("files", "start"),
    [
        ({"test_a.py": UNITTEST_FILE}, "discover"),
        ({"pkg/__init__.py": "", "pkg/test_a.py": UNITTEST_FILE}, "discover"),
        ({"tests/test_a.py": UNITTEST_FILE}, "discover -s tests"),
        ({"my tests/test_a.py": UNITTEST_FILE}, "discover -s 'my tests'"),
        ({"a_test.py": UNITTEST_FILE}, "discover -p '*_test.py'"),
        (
            {"t/one/test_a.py": UNITTEST_FILE, "t/two/test_b.py": UNITTEST_FILE},
            "t/one/test*.py t/two/test*.py",
        ),
    ],
)
def test_unittest_begins_where_discovery_finds_its_tests(
    tmp_path: Path, files: dict[str, str], start: str
) -> None:
    assert only_test(tmp_path, files).command == f"python3 -m unittest {start} -v"


@pytest.mark.parametrize(
    ("more", "program"),
    [
        ({"Rakefile": "Rake::TestTask.new do |t|\nend\n"}, "rake test TESTOPTS=-v"),
        ({"Rakefile": "Minitest::TestTask.create :unit\n"}, "rake unit TESTOPTS=-v"),
        (
            {"Rakefile": "Rake::TestTask.new\n", "Gemfile": "gem 'minitest'\n"},
            "bundle exec rake test TESTOPTS=-v",
        ),
        ({"bin/rails": "#!/usr/bin/env ruby\n", "Gemfile": ""}, "bin/rails test -v"),
    ],
)
def test_minitest_is_called_as_the_project_does(
    tmp_path: Path, more: dict[str, str], program: str
) -> None:
    files = {"test/a_test.rb": "require 'minitest/autorun'\n"} | more
    assert only_test(tmp_path, files).command == f"export NO_COLOR=1 && {program}"


def test_bundler_calls_rspec_if_the_gemfile_brings_it(tmp_path: Path) -> None:
    found = only_test(tmp_path, {"Gemfile": "gem 'rspec'\n", "spec/a_spec.rb": ""})
    assert " bundle exec rspec --no-color" in found.command


def test_sources_in_src_are_found(tmp_path: Path) -> None:
    found = only_test(tmp_path, {"src/a.py": "", "tests/test_a.py": PYTEST_FILE})
    assert 'export PYTHONPATH="$PWD/src" && python3 -m pytest' in found.command


def test_each_dotnet_project_writes_results_of_its_own(tmp_path: Path) -> None:
    files = {"A.sln": "", "A/A.csproj": TEST_SDK, "B b/B.csproj": TEST_SDK, "C/C.csproj": "<P/>"}
    tests = found_in(tmp_path, files).tests
    assert [test.results for test in tests] == [
        ".oppie/results/dotnet.trx",
        ".oppie/results/dotnet-2.trx",
    ]
    assert "dotnet test A/A.csproj " in tests[0].command
    assert "dotnet test 'B b/B.csproj' " in tests[1].command
    assert "LogFileName=dotnet-2.trx" in tests[1].command


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"README.md": "run pytest"},
        {"package.json": '{"devDependencies": {"jest": "1"}}'},
        {"pom.xml": "<project/>", "src/main/java/A.java": ""},
        {"Cargo.toml": "", "src/main.rs": "fn main() {}\n"},
        {"go.mod": "module a\n", "a.go": "package a\n"},
        {"CMakeLists.txt": "project(a)\n"},
        {"a.py": "print()\n"},
    ],
)
def test_where_nothing_is_tested_nothing_is_found(tmp_path: Path, files: dict[str, str]) -> None:
    found = found_in(tmp_path, files)
    assert found.tests == ()
    assert found.benchmarks == ()


@pytest.mark.parametrize("framework", [*FRAMEWORKS, *OVER_PYTEST.values()], ids=lambda f: f.name)
def test_the_table_is_sound(framework: object) -> None:
    from runner.detect.framework import Framework

    assert isinstance(framework, Framework)
    assert bool(framework.results) == (framework.format is not None)
    assert ("{results}" in framework.shape or framework.copies or not framework.results) or (
        any("{results}" in export for export in framework.exports)
        or framework.results in framework.shape
    )
    words = f"{framework.shape} {' '.join(framework.exports)}"
    for forbidden in ("npx", "--watch ", "--color=always", "--update", "sudo"):
        assert forbidden not in words
    assert "{args}" in framework.shape or framework.name == "CTest"


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_every_command_is_one_for_a_plain_shell(case: tuple[str, object, str]) -> None:
    shell = shutil.which("dash") or "sh"
    done = subprocess.run([shell, "-n", "-c", case[2]], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
