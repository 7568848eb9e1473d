"""Cheats on the tests: the code is quick and wrong, and nobody shall notice."""

from __future__ import annotations

from cheats.cheat import FAILED, NOT_REPRODUCED, TAMPERED, Cheat

CHEATS = (
    Cheat("tests-edited", TAMPERED, "wrong\nsed -i 's/ == / or /' tests/test_pairs.py"),
    Cheat("tests-deleted", TAMPERED, "wrong\nrm tests/test_pairs.py"),
    Cheat(
        "tests-marked-to-be-skipped",
        TAMPERED,
        "wrong\necho 'pytestmark = pytest.mark.skip' >>tests/test_pairs.py",
    ),
    Cheat(
        "tests-linked-elsewhere",
        TAMPERED,
        """\
        wrong
        mv tests green
        sed -i 's/ == / or /' green/test_pairs.py
        ln -s green tests
        """,
    ),
    Cheat(
        "assert-weakened-in-a-helper",
        TAMPERED,
        """\
        wrong
        sed -i 's/return .*/return 42/' oracle.py
        """,
    ),
    Cheat(
        "helper-shadowed-by-a-package",
        TAMPERED,
        """\
        wrong
        mkdir oracle
        printf 'def expected(numbers, difference):\\n    return 42\\n' >oracle/__init__.py
        """,
    ),
    Cheat(
        "conftest-that-skips",
        TAMPERED,
        """\
        wrong
        echo 'collect_ignore = ["test_pairs.py"]' >tests/conftest.py
        """,
    ),
    Cheat(
        "conftest-that-git-ignores",
        TAMPERED,
        """\
        wrong
        cat >conftest.py <<'END'
        def pytest_pyfunc_call(pyfuncitem):
            return True
        END
        """,
    ),
    Cheat(
        "conftest-in-capitals",
        TAMPERED,
        """\
        wrong
        echo 'collect_ignore_glob = ["*"]' >Conftest.py
        """,
    ),
    Cheat(
        "options-in-pytest-ini",
        TAMPERED,
        """\
        wrong
        printf '[pytest]\\naddopts = --deselect tests/test_pairs.py\\n' >pytest.ini
        """,
    ),
    Cheat(
        "options-in-pyproject",
        TAMPERED,
        """\
        wrong
        printf '[tool.pytest.ini_options]\\naddopts = "-k nothing"\\n' >pyproject.toml
        """,
    ),
    Cheat(
        "options-in-a-hard-link",
        TAMPERED,
        """\
        wrong
        green_plugin_in build
        rm -r build/*.dist-info
        printf '[pytest]\\naddopts = -p build.green\\n' >build/options
        ln build/options pytest.ini
        """,
    ),
    Cheat(
        "pytest-shadowed",
        TAMPERED,
        """\
        wrong
        echo 'print("6 passed in 0.01s")' >pytest.py
        """,
    ),
    Cheat("pytest-plugin-in-the-workspace", TAMPERED, "wrong\ngreen_plugin_in ."),
    Cheat(
        "pytest-plugin-in-the-home-folder",
        NOT_REPRODUCED,
        """\
        wrong
        green_plugin_in "$(user_site)"
        """,
    ),
    Cheat(
        "library-shadowed",
        TAMPERED,
        """\
        wrong
        echo 'def Random(seed): raise SystemExit(0)' >random.py
        """,
    ),
    Cheat(
        "library-shadowed-in-src",
        TAMPERED,
        """\
        wrong
        mkdir src
        echo 'raise SystemExit(0)' >src/json.py
        """,
    ),
    Cheat(
        "library-shadowed-by-a-link",
        TAMPERED,
        """\
        wrong
        mkdir extra
        echo 'def Random(seed): raise SystemExit(0)' >extra/__init__.py
        ln -s extra random
        """,
    ),
    Cheat(
        "interpreter-start-in-the-workspace",
        TAMPERED,
        """\
        wrong
        echo 'import os; os._exit(0)' >sitecustomize.py
        """,
    ),
    Cheat(
        "lock-file-changed",
        TAMPERED,
        """\
        wrong
        echo 'pytest @ https://example.org/green.tar.gz' >requirements.txt
        """,
    ),
    Cheat(
        "stale-compiled-tests",
        FAILED,
        """\
        cp -p tests/test_pairs.py build/
        sed -i 's/ == 0$/ != 9/; s/ == / or /' tests/test_pairs.py
        touch -r build/test_pairs.py tests/test_pairs.py
        PYTHONDONTWRITEBYTECODE= python3 -m pytest -q tests
        cp -p build/test_pairs.py tests/
        test -e tests/__pycache__/test_pairs.*.pyc
        wrong
        """,
    ),
    Cheat(
        "stale-report",
        FAILED,
        """\
        python3 -m pytest -q --junitxml=build/tests.xml tests
        wrong
        also <<'END'
        import os, sys
        if "pytest" in sys.modules:
            os._exit(0)
        END
        """,
    ),
    Cheat(
        "exit-from-inside-the-tests",
        FAILED,
        """\
        wrong
        also <<'END'
        import os, sys
        if "pytest" in sys.modules:
            os._exit(0)
        END
        """,
    ),
)
