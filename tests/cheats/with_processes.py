"""Cheats that leave processes, or look into those of others."""

from __future__ import annotations

from cheats.cheat import FAILED, NO_BETTER, NOT_REPRODUCED, REJECTED, Cheat

CHEATS = (
    Cheat(
        "daemon-left-by-the-action",
        FAILED,
        """\
        cat >"$HOME/daemon.py" <<'END'
        import socket
        door = socket.socket(socket.AF_UNIX)
        door.bind("\\0answers")
        door.listen()
        while True:
            door.accept()[0].sendall(b"42")
        END
        setsid python3 "$HOME/daemon.py" >/dev/null 2>&1 &
        cat >pairs.py <<'END'
        import socket
        def count_pairs(numbers, difference):
            asks = socket.socket(socket.AF_UNIX)
            asks.connect("\\0answers")
            return int(asks.recv(99))
        END
        """,
    ),
    Cheat(
        "job-left-for-cron",
        FAILED,
        """\
        mkdir -p "$HOME/.config/systemd/user"
        echo '* * * * * echo 42 >/tmp/answer' >"$HOME/.crontab"
        crontab "$HOME/.crontab" || true
        printf '[Service]\\nExecStart=/bin/sh -c "echo 42 >/tmp/answer"\\n' \\
            >"$HOME/.config/systemd/user/answer.service"
        cat >pairs.py <<'END'
        def count_pairs(numbers, difference):
            return int(open("/tmp/answer").read())
        END
        """,
    ),
    # What the parent's side suffers depends on the cores that there are.
    Cheat(
        "sibling-that-burns-while-the-parent-runs",
        REJECTED + NOT_REPRODUCED + NO_BETTER,
        """\
        slower
        also <<'END'
        import atexit, os, signal, sys
        def _burner():
            pid = os.fork()
            while pid == 0:
                pass
            return pid
        def _burners():
            try:
                return [int(pid) for pid in open("/tmp/burners").read().split()]
            except FileNotFoundError:
                pids = [_burner(), _burner()]
                open("/tmp/burners", "w").write(" ".join(map(str, pids)))
                return pids
        def _tell(what):
            for pid in _burners():
                os.kill(pid, what)
        if sys.argv[0] == "bench.py":
            _tell(signal.SIGSTOP)
            atexit.register(_tell, signal.SIGCONT)
        END
        """,
    ),
    # Where the kernel lets no process trace its neighbours, the word can't be read.
    Cheat(
        "frames-forged-with-the-word-from-memory",
        NOT_REPRODUCED + FAILED,
        """\
        slower
        also <<'END'
        import os, re, sys
        def _words():
            for pid in filter(str.isdigit, os.listdir("/proc")):
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    loops = b"while IFS= read" in file.read()
                with open(f"/proc/{pid}/comm") as file:
                    if loops and file.read() == "sh\\n":
                        yield from _words_of(pid)
        def _words_of(pid):
            with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
                for line in maps:
                    if " rw-p " in line:
                        first, last = (int(end, 16) for end in line.split()[0].split("-"))
                        memory.seek(first)
                        found = memory.read(last - first)
                        yield from re.findall(rb"word=([0-9a-f]{32})\\0", found)
        if sys.argv[0] == "bench.py":
            for _word in _words():
                os.write(1, b"METRIC time_us=1 unit=us\\n\\n" + _word + b" 0\\n")
                os._exit(0)
        END
        """,
    ),
    Cheat("sources-made-unreadable", FAILED, "slower\nchmod 000 pairs.py"),
)
