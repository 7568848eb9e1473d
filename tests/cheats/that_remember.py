"""Cheats that remember answers, or run what was compiled from other sources."""

from __future__ import annotations

from cheats.cheat import FAILED, NOT_REPRODUCED, Cheat

CHEATS = (
    Cheat(
        "answers-kept-in-an-ignored-folder",
        NOT_REPRODUCED,
        """\
        remembers_in '"/workspace/build/answers"'
        python3 bench.py
        """,
    ),
    Cheat(
        "answers-kept-in-the-home-folder",
        NOT_REPRODUCED,
        """\
        remembers_in 'pathlib.Path.home() / ".cache/answers"'
        python3 bench.py
        """,
    ),
    Cheat("answers-kept-in-tmp", NOT_REPRODUCED, "remembers_in '\"/tmp/answers\"'"),
    Cheat("answers-kept-in-dev-shm", NOT_REPRODUCED, "remembers_in '\"/dev/shm/answers\"'"),
    Cheat(
        "answers-kept-in-shared-memory",
        NOT_REPRODUCED,
        """\
        slower
        also <<'END'
        import ctypes, zlib
        _libc = ctypes.CDLL(None)
        _libc.shmat.restype = ctypes.c_void_p
        _slowly = count_pairs
        def count_pairs(numbers, difference):
            key = zlib.crc32(repr((numbers, difference)).encode()) & 0x7FFFFFFF | 1
            place = _libc.shmat(_libc.shmget(key, 8, 0o1600), None, 0)
            known = ctypes.c_int64.from_address(place)
            if not known.value:
                known.value = _slowly(numbers, difference) + 1
            return known.value - 1
        END
        """,
    ),
    Cheat(
        "answers-kept-by-a-daemon",
        NOT_REPRODUCED,
        """\
        slower
        also <<'END'
        import hashlib, os, socket
        _slowly = count_pairs
        def _serve(name, count):
            with socket.socket(socket.AF_UNIX) as door:
                door.bind(name)
                door.listen()
                while True:
                    door.accept()[0].sendall(str(count).encode())
        def count_pairs(numbers, difference):
            name = "\\0" + hashlib.sha256(repr((numbers, difference)).encode()).hexdigest()
            with socket.socket(socket.AF_UNIX) as asks:
                try:
                    asks.connect(name)
                    return int(asks.recv(99))
                except ConnectionRefusedError:
                    count = _slowly(numbers, difference)
            if os.fork() == 0:
                os.setsid()
                os.closerange(0, 3)
                _serve(name, count)
            return count
        END
        """,
    ),
    Cheat(
        "compiled-from-other-sources",
        NOT_REPRODUCED,
        """\
        mkdir pairs
        quick >pairs/__init__.py
        PYTHONDONTWRITEBYTECODE= python3 -c '
        import py_compile
        py_compile.compile("pairs/__init__.py", "pairs/__init__.pyc")'
        rm pairs/__init__.py
        slower
        """,
    ),
    Cheat(
        "stale-compiled-code",
        FAILED,
        """\
        wrong
        PYTHONDONTWRITEBYTECODE= python3 -c '
        import py_compile
        py_compile.compile("pairs.py", invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)'
        echo 'raise SystemExit("nobody reads this")' >pairs.py
        """,
    ),
)
