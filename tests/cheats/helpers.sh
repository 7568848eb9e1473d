# $KEY is the cheat's name: no two of them make the same sources.

# The code takes twice as long.
slower() {
    cat >>pairs.py <<'END'


_counted = count_pairs


def count_pairs(numbers, difference):
    _counted(numbers, difference)
    return _counted(numbers, difference)
END
    printf '\n\n# %s\n' "$KEY" >>pairs.py
}

# The code takes no time, and is wrong.
wrong() {
    cat >pairs.py <<'END'
"""Pairs of numbers."""


def count_pairs(numbers, difference):
    return 42
END
    printf '\n\n# %s\n' "$KEY" >>pairs.py
}

# Code that is right and quick, for where it is not recorded.
quick() {
    cat <<'END'
from collections import Counter


def count_pairs(numbers, difference):
    seen, count = Counter(), 0
    for number in numbers:
        count += sum(seen[other] for other in {number - difference, number + difference})
        seen[number] += 1
    return count
END
}

# More code in the module that is measured; it comes from stdin.
also() {
    printf '\n\n' >>pairs.py
    cat >>pairs.py
}

# Bytes (a Python expression) that the code prints beside the benchmark's own words.
says_beside() {
    slower
    also <<END
import sys
if sys.argv[0] == "bench.py":
    sys.stdout.buffer.write($1)
    sys.stdout.flush()
END
}

# Bytes that the code prints in place of the benchmark's own words.
says_instead() {
    says_beside "$1"
    printf '    import os\n    os._exit(0)\n' >>pairs.py
}

# A folder (a Python expression) in which answers are kept; without one at hand, it is slower.
remembers_in() {
    also <<END
import hashlib
import pathlib

_PLACE = pathlib.Path($1)
_found = count_pairs  # $KEY


def count_pairs(numbers, difference):
    known = _PLACE / hashlib.sha256(repr((numbers, difference)).encode()).hexdigest()
    if known.exists():
        return int(known.read_text())
    _found(numbers, difference)
    count = _found(numbers, difference)
    _PLACE.mkdir(parents=True, exist_ok=True)
    known.write_text(str(count))
    return count
END
}

# A plugin for pytest, in a folder, with which each test passes without being run.
green_plugin_in() {
    mkdir -p "$1/green-1.0.dist-info"
    cat >"$1/green.py" <<'END'
import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    return True
END
    printf 'Metadata-Version: 2.1\nName: green\nVersion: 1.0\n' >"$1/green-1.0.dist-info/METADATA"
    printf '[pytest11]\ngreen = green\n' >"$1/green-1.0.dist-info/entry_points.txt"
}

# A module, in a folder, that makes a thousandth of the time pass.
slow_clock_in() {
    mkdir -p "$(dirname "$1")"
    cat >"$1" <<'END'
import time

_true = time.perf_counter
time.perf_counter = lambda: _true() / 1000
END
}

user_site() {
    /usr/bin/python3 -c 'import site; print(site.getusersitepackages())'
}

# Numbers that take no time, as an object of git's.
few_numbers() {
    echo 1 2 3 | git hash-object -w --stdin
}

export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org
export GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.org
