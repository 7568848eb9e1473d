"""Test frameworks of languages that are compiled to programs."""

from __future__ import annotations

from runner.detect.framework import Framework, HasFile, HasText
from runner.detect.globs import Globs
from runner.detect.table.shapes import CMAKE_BUILD, gathered
from runner.measure.reports import Format

GO = Framework(
    name="Go",
    ecosystem="go",
    programs=(("go", "test"),),
    program="go test",
    # Without `-count=1`, a result of another run could be taken from the cache.
    shape="{program} -json -count=1 {args} > {results}",
    results="go.json",
    format=Format.GO_JSON,
    default_args="./...",
    drops=(("-v", 0), ("-json", 0), ("-count", 1)),
    markers=(HasFile(Globs("**/*_test.go")),),
    tests=Globs("**/*_test.go", "**/testdata/**"),
    needs=("golang-go",),
)

NEXTEST = Framework(
    name="nextest",
    ecosystem="rust",
    programs=(("cargo", "nextest", "run"), ("cargo", "nextest", "r")),
    program="cargo nextest run",
    # A tool's configuration adds to the repository's own, which may give the file another name; it
    # is relative to the profile's folder.
    shape='rm -f "${CARGO_TARGET_DIR:-target}"/nextest/default/*.xml &&'
    " printf '[profile.default.junit]\\npath = \"oppie.xml\"\\n' > .oppie/nextest.toml &&"
    ' {program} --color never --no-fail-fast --tool-config-file oppie:"$PWD"/.oppie/nextest.toml'
    ' {args}; code=$?; cp "${CARGO_TARGET_DIR:-target}"/nextest/default/*.xml {results};'
    " (exit $code)",
    results="nextest.xml",
    format=Format.JUNIT,
    drops=(("--color", 1), ("--profile", 1), ("-P", 1), ("--no-fail-fast", 0), ("--fail-fast", 0)),
    markers=(HasFile(Globs(".config/nextest.toml")),),
    tests=Globs("**/tests/**"),
    config=Globs(".config/nextest.toml"),
    covers=("Cargo",),
    needs=("cargo",),
    notes=("Debian does not carry cargo-nextest: it must be in the image",),
)

CARGO = Framework(
    name="Cargo",
    ecosystem="rust",
    programs=(("cargo", "test"), ("cargo", "t")),
    program="cargo test",
    shape="{program} --color never --no-fail-fast {args}",
    results="cargo.txt",
    format=Format.CARGO_TEXT,
    copies=True,
    drops=(("--color", 1), ("--no-fail-fast", 0), ("-q", 0), ("--quiet", 0)),
    markers=(HasText(Globs("**/*.rs"), r"#\[(?:\w+::)?test\b"),),
    tests=Globs("**/tests/**"),
    needs=("cargo",),
)

CTEST = Framework(
    name="CTest",
    ecosystem="cmake",
    programs=(("ctest",),),
    program="ctest",
    # The file of results would be relative to the build folder.
    shape=f'{CMAKE_BUILD} && ctest --test-dir "$HOME"/.cache/oppie-build --output-on-failure'
    ' --no-tests=error --output-junit "$PWD"/{results}',
    script_shape="{program} --output-on-failure --no-tests=error"
    ' --output-junit "$PWD"/{results} {args}',
    results="ctest.xml",
    format=Format.JUNIT,
    drops=(("--output-junit", 1), ("--output-on-failure", 0), ("-V", 0), ("-VV", 0), ("-Q", 0)),
    exports=("NO_COLOR=1",),
    markers=(
        HasText(
            Globs("**/CMakeLists.txt"),
            r"^[ \t]*(?i:enable_testing|add_test|gtest_discover_tests|include[ \t]*\([ \t]*ctest)\b",
        ),
    ),
    tests=Globs(
        *("test/**", "tests/**", "**/*_test.c*", "**/*_tests.c*", "**/test_*.c*", "**/*Test.c*")
    ),
    needs=("cmake", "g++", "make"),
    notes=("needs CMake 3.21 or newer, whose ctest writes JUnit XML",),
)

SWIFT = Framework(
    name="Swift",
    ecosystem="swift",
    programs=(("swift", "test"),),
    program="swift test",
    # XCTest's results are only written in parallel; those of Swift Testing go to a second file,
    # with `-swift-testing` in its name.
    shape=gathered(
        "{program} --parallel --xunit-output .oppie/results/part.xml {args}",
        ".oppie/results/part*.xml",
    ),
    results="swift.xml",
    format=Format.JUNIT,
    drops=(("--parallel", 0), ("--no-parallel", 0), ("--xunit-output", 1)),
    markers=(HasFile(Globs("Package.swift")),),
    requires=Globs("Tests/**/*.swift"),
    tests=Globs("Tests/**"),
    needs=("swiftlang",),
    notes=("Debian carries Swift from release 13 on",),
)

FASTLANE = Framework(
    name="fastlane",
    ecosystem="apple",
    programs=(("fastlane",),),
    goals=("test", "tests", "scan"),
    program="fastlane",
    shape="{program} {args}",
    default_args="test",
    markers=(HasFile(Globs("fastlane/Fastfile", "Fastfile")),),
    covers=("XCTest",),
    notes=("macOS only: it can't run in a Linux container",),
    linux=False,
)

XCTEST = Framework(
    name="XCTest",
    ecosystem="apple",
    programs=(("xcodebuild",),),
    goals=("test",),
    program="xcodebuild",
    shape="{program} {args}",
    default_args="test",
    markers=(
        HasFile(
            Globs("**/*.xcodeproj/project.pbxproj", "**/*.xcworkspace/contents.xcworkspacedata")
        ),
    ),
    notes=("macOS only: it can't run in a Linux container",),
    linux=False,
)

NATIVE = (GO, NEXTEST, CARGO, CTEST, SWIFT, FASTLANE, XCTEST)
