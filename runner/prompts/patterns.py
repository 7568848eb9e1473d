"""How tools tell of failures: each pattern is matched against a whole line, with no colours in it.

``test``, ``message`` and ``place`` are what a line names, as far as it does. Written after what the
tools print; the recorded logs of the tests are theirs.
"""

from __future__ import annotations

import re

Patterns = tuple[re.Pattern[str], ...]


def _compiled(*patterns: str) -> Patterns:
    return tuple(re.compile(pattern) for pattern in patterns)


TESTS = _compiled(
    r"(?:FAILED|ERROR) (?P<test>\S+\.py(?:::.+?)?)(?: - (?P<message>.+))?",  # pytest
    r"(?:FAIL|ERROR): (?P<test>\w+ \([\w.]+\)).*",  # unittest
    r"\s*● (?!Console)(?P<test>.+)",  # Jest
    r"\s*(?:FAIL|×)  ?(?P<test>\S+ > .+)",  # Vitest
    r"\s*--- FAIL: (?P<test>\S+) \([0-9.]+s\)",  # Go
    r"test (?P<test>\S.*) \.\.\. FAILED",  # Cargo
    r"\s+(?:FAIL|SIGABRT|TIMEOUT) \[ *[0-9.]+s\] (?:\([^)]*\) )?(?P<test>.+)",  # nextest
    r"rspec (?P<place>\./[^:\[]+:[0-9]+) # (?P<test>.+)",  # RSpec
    r"(?P<test>\w+#\w+) \[(?P<place>[^\]]+:[0-9]+)\]:",  # Minitest
    r"\[ERROR\] +(?P<test>[\w$.]+\.\w+):[0-9]+(?: (?P<message>.+))?",  # Maven
    r"(?P<test>[\w.$]+ > .+) FAILED",  # Gradle
    r"\s*not ok [0-9]+ (?:- )?(?P<test>(?!.*# (?i:skip|todo)).+)",  # TAP, Bats
    r"\s*[✖✗] (?P<test>.+) \([0-9.]+m?s\)",  # node:test
    r"\s+[0-9]+ - (?P<test>\S+) \((?:Failed|Timeout|SEGFAULT|Not Run)\).*",  # CTest
    r"\s+Failed (?P<test>\S.*) \[[^\]]+\]",  # .NET
    r"Test Case '(?P<test>.+)' failed \(.*",  # XCTest
    # PHPUnit, ExUnit, Mocha, Playwright; RSpec and Minitest, whose own lines come later
    r" {0,4}[0-9]+\) (?!(?:Failure|Error|Skipped):)(?P<test>\S.*?) *─*",
)

MESSAGES = _compiled(
    r'E {3,}(?P<message>(?!File "|\^)\S.*)',  # pytest
    r"\s*(?P<message>[\w.]*(?:Error|Exception|Failure)(?: \[\w+\])?: .+)",  # Python, JavaScript, Java
    r"(?P<message>[\w.]*(?:Error|Exception))",  # Python, without words of its own
    r"\s*(?P<message>[\w.]+(?:Error|Exception) at \S+)",  # Gradle
    r"\s*\S+\.go:[0-9]+(?::[0-9]+)?: (?P<message>.+)",  # Go
    r"(?P<message>panic: .+)",
    r"thread '.+' (?:\([0-9]+\) )?panicked at '(?P<message>.+?)(?:', \S+)?",  # Rust before 1.73
    r"\s*(?P<message>expect\(.+)",  # Jest
    r"\s*(?P<message>Failure/Error: .+)",  # RSpec
    r"\S+:[0-9]+:(?:in `.*?': \S+:[0-9]+:)? (?P<message>.+ \([\w:]+Error\))",  # Ruby
    r"(?P<message>Failed asserting that .+)",  # PHPUnit
    r"PHP (?P<message>(?:Fatal|Parse) error: .+)",
    r"\*\* (?P<message>\(\w+\) .+)",  # Elixir
    r"\s*(?P<message>(?i:expected|received|actual|got|left|right)\b[\w ]*: .+)",
    r"# +(?P<message>`.+' failed.*)",  # Bats
    r"\[ERROR\] \S+:\[[0-9,]+\] (?P<message>.+)",  # Maven's compiler
    r"(?:.*\W)?(?P<message>(?:fatal )?error(?:\[\w+\]| \w+)?: .+)",  # compilers
    r".*\b(?P<message>(?:undefined reference to|multiple definition of) .+)",  # linkers
    r".*?(?P<message>Assertion .+ failed.*)",  # assert.h, ExUnit
)
# The next line has the words: Rust since 1.73.
WORDS_FOLLOW = re.compile(r"thread '.+' (?:\([0-9]+\) )?panicked at \S+:$")

_SOURCES = (
    r"py|pyx|js|jsx|mjs|cjs|ts|tsx|mts|vue|svelte|go|rs|rb|php|c|cc|cpp|cxx|h|hh|hpp|java|kt|kts|scala"
    r"|cs|fs|vb|ex|exs|erl|sh|bats|swift|m|mm|lua|pl|pm|zig|jl|hs|ml|f90|s|S"
)
_FILE = rf"(?<![\w./@+~-])(?P<file>[\w./@+~-]{{0,200}}\w\.(?:{_SOURCES}))"
PLACES = _compiled(
    rf"{_FILE}(?::line |:\[?| on line )(?P<line>[0-9]+)",
    rf'{_FILE}"?, line (?P<line>[0-9]+)',
    rf"{_FILE}\((?P<line>[0-9]+)(?:,[0-9]+)?\)",
)

# What has to be seen before anything else is looked for: places in a build's log mean nothing.
BAD = re.compile(
    r"(?i:fail|error|panic|assert|exception|not ok|traceback|undefined)|[●✗✘✖×]|^E  |^ {0,4}[0-9]+\) "
)
# Lists of tests that were skipped, which look like lists of those that failed; and their ends.
SKIPPED = re.compile(r"Pending: .*|\s+[0-9]+\) Skipped:")
SKIPPED_NO_MORE = re.compile(r"Failures:|\s+[0-9]+\) (?:Failure|Error):|Failed examples:")

# Lines whose places are not to be mended: warnings, and frames of a language's own library.
NO_PLACE = re.compile(r"(?i:warning)|^\s+\((?:elixir|stdlib|mix|ex_unit)\b")
ELSEWHERE = re.compile(
    r"(?:^|/)(?:site-packages|dist-packages|node_modules|vendor|vendor_ruby|rustc|\.cargo)/"
    r"|/gems/[^/]+-[0-9]|(?:^|/)python[0-9.]+/|^internal/.+\.js$|^/usr/"
)
AT_HOME = re.compile(r"^(?:/+workspace/|\./)+")
