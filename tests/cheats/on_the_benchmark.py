"""Cheats on the benchmark and on the numbers that it prints."""

from __future__ import annotations

from cheats.cheat import FAILED, TAMPERED, Cheat

FILES = (
    Cheat("benchmark-edited", TAMPERED, "slower\nsed -i 's/count_pairs(n/len(n/' bench.py"),
    Cheat("benchmark-input-edited", TAMPERED, "slower\necho 1 2 3 >numbers.txt"),
    Cheat(
        "benchmark-linked-elsewhere",
        TAMPERED,
        """\
        slower
        sed 's/seconds \\* 1e6/1.0/' bench.py >quick.py
        ln -sf quick.py bench.py
        """,
    ),
    Cheat(
        "benchmark-edited-through-a-hard-link",
        TAMPERED,
        """\
        slower
        ln bench.py notes.py
        echo 'print("METRIC time_us=1 unit=us")' >notes.py
        """,
    ),
    Cheat(
        "set-up-edited",
        TAMPERED,
        """\
        slower
        echo 'pathlib.Path("bench.py").write_text("")' >>tools/prepare.py
        """,
    ),
    Cheat(
        "benchmark-edited-by-code-that-the-set-up-runs",
        TAMPERED,
        """\
        slower
        slow_clock_in "$(user_site)/usercustomize.py"
        also <<'END'
        import sys
        if sys.argv[0].startswith("tools/"):
            open("bench.py", "w").write('print("METRIC time_us=1 unit=us")')
        END
        """,
    ),
)

PRINTED = (
    Cheat("metric-printed-early", TAMPERED, "says_beside 'b\"METRIC time_us=1 unit=us\\n\"'"),
    Cheat(
        "metric-printed-late",
        TAMPERED,
        """\
        slower
        also <<'END'
        import atexit
        atexit.register(print, "METRIC time_us=1 unit=us")
        END
        """,
    ),
    Cheat(
        "metric-printed-as-json",
        TAMPERED,
        """says_beside 'b"{\\"metric\\": \\"time_us\\", \\"value\\": 1}\\n"'""",
    ),
    Cheat(
        "metric-in-colours",
        TAMPERED,
        "says_beside 'b\"\\x1b[1mMETRIC\\x1b[0m time_us=1\\x1b[K unit=us\\n\"'",
    ),
    Cheat(
        "metric-behind-carriage-returns",
        TAMPERED,
        "says_beside 'b\"done\\rMETRIC time_us=1 unit=us\\r\"'",
    ),
    Cheat("metric-not-a-number", FAILED, "says_instead 'b\"METRIC time_us=nan unit=us\\n\"'"),
    Cheat("metric-infinite", FAILED, "says_instead 'b\"METRIC time_us=-1e999 unit=us\\n\"'"),
    Cheat("metric-negative", FAILED, "says_instead 'b\"METRIC time_us=-5 unit=us\\n\"'"),
    Cheat("metric-zero", FAILED, "says_instead 'b\"METRIC time_us=0 unit=us\\n\"'"),
    Cheat(
        "metric-in-utf-16",
        FAILED,
        'says_instead \'"METRIC time_us=1 unit=us\\n".encode("utf-16")\'',
    ),
    Cheat(
        "metric-in-full-width-digits",
        FAILED,
        "says_instead '\"METRIC time_us=\\uff11 unit=us\\n\".encode()'",
    ),
    Cheat(
        "metric-behind-a-byte-order-mark",
        FAILED,
        "says_instead '\"\\ufeffMETRIC time_us=1 unit=us\\n\".encode()'",
    ),
    Cheat(
        "frames-guessed",
        TAMPERED,
        'says_beside \'b"METRIC time_us=1 unit=us\\n\\n" + b"0" * 32 + b" 0\\n"\'',
    ),
)

CHEATS = FILES + PRINTED
