"""Test frameworks of languages that run on a virtual machine."""

from __future__ import annotations

from runner.detect.arguments import dotnet_project, gradle_program
from runner.detect.framework import Framework, HasFile, HasText
from runner.detect.globs import Globs
from runner.detect.table.shapes import gathered
from runner.measure.reports import Format

_JVM_TESTS = Globs("**/src/test/**", "**/src/*Test/**")
_JVM_CLASSES = Globs(*(f"**/src/test/**/*.{kind}" for kind in ("java", "kt", "groovy", "scala")))

MAVEN = Framework(
    name="Maven",
    ecosystem="java",
    programs=(("mvn",), ("mvnw",)),
    program="mvn",
    goals=("test", "package", "verify", "integration-test", "install"),
    shape=gathered(
        "{program} -B -o -Dstyle.color=never {args}", "target/surefire-reports/TEST-*.xml"
    ),
    results="maven.xml",
    format=Format.JUNIT,
    default_args="test",
    drops=(("-B", 0), ("--batch-mode", 0), ("-o", 0), ("--offline", 0), ("-q", 0), ("--quiet", 0)),
    markers=(HasFile(Globs("pom.xml")),),
    requires=_JVM_CLASSES,
    tests=_JVM_TESTS,
    config=Globs(".mvn/**"),
    needs=("maven", "default-jdk-headless"),
    notes=("runs offline: the image must hold what the build depends on",),
)

GRADLE = Framework(
    name="Gradle",
    ecosystem="java",
    programs=(("gradle",), ("gradlew",)),
    goals=("test", "check", "build"),
    program="gradle",
    launcher=gradle_program,
    shape=gathered(
        "{program} --offline --no-daemon --console=plain cleanTest {args}",
        "build/test-results/*/TEST-*.xml",
    ),
    results="gradle.xml",
    format=Format.JUNIT,
    default_args="test",
    drops=(
        ("--offline", 0),
        ("--no-daemon", 0),
        ("--daemon", 0),
        ("--console", 1),
        ("-t", 0),
        ("--continuous", 0),
        ("-q", 0),
        ("--quiet", 0),
    ),
    markers=(
        HasFile(
            Globs("build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts")
        ),
    ),
    requires=_JVM_CLASSES,
    tests=_JVM_TESTS,
    needs=("gradle", "default-jdk-headless"),
    notes=("runs offline: the image must hold what the build depends on",),
)

DOTNET = Framework(
    name=".NET",
    ecosystem="dotnet",
    programs=(("dotnet", "test"),),
    program="dotnet test",
    shape='{program} {args} --nologo --logger "trx;LogFileName=dotnet.trx"'
    " --results-directory .oppie/results",
    results="dotnet.trx",
    format=Format.TRX,
    arguments=dotnet_project,
    drops=(("--logger", 1), ("-l", 1), ("--results-directory", 1), ("-r", 1), ("--nologo", 0)),
    exports=("DOTNET_CLI_TELEMETRY_OPTOUT=1", "DOTNET_NOLOGO=1", "NO_COLOR=1"),
    markers=(
        HasText(
            Globs("**/*.csproj", "**/*.fsproj", "**/*.vbproj"),
            r"Microsoft\.NET\.Test\.Sdk|MSTest\.Sdk",
        ),
    ),
    tests=Globs("**/*Tests/**", "**/*.Tests/**", "**/*.Test/**", "tests/**", "test/**"),
    needs=("dotnet-sdk",),
    notes=("Debian doesn't carry .NET: the image needs Microsoft's SDK",),
)

EXUNIT = Framework(
    name="ExUnit",
    ecosystem="elixir",
    programs=(("mix", "test"),),
    program="mix test",
    shape="{program} --no-color --trace {args}",
    drops=(("--color", 0), ("--no-color", 0), ("--trace", 0), ("--stale", 0), ("--failed", 0)),
    exports=("NO_COLOR=1",),
    markers=(HasFile(Globs("test/**/*_test.exs", "apps/*/test/**/*_test.exs")),),
    tests=Globs("test/**", "apps/*/test/**"),
    needs=("elixir",),
    notes=("writes no results for programs; its tests are counted from what it prints",),
)

MANAGED = (MAVEN, GRADLE, DOTNET, EXUNIT)
