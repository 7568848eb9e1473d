"""Attacks with processes: too many, too long, too stubborn, too dead."""

from __future__ import annotations

from hostile.attack import Attack, refused
from runner.model import Outcome

FAILED, TIMEOUT, NEUTRAL = (Outcome.FAILED,), (Outcome.TIMEOUT,), (Outcome.NEUTRAL,)

FORK_BOMB = """\
    python <<'END'
    import os
    while True:
        try:
            os.fork()
        except OSError:
            pass
    END
    """

ATTACKS = (
    Attack("fork-bomb", TIMEOUT, FORK_BOMB),
    Attack(
        "threads-without-end",
        TIMEOUT,
        """\
        python <<'END'
        import threading, time
        while True:
            try:
                threading.Thread(target=time.sleep, args=(600,)).start()
            except RuntimeError:
                pass
        END
        """,
    ),
    refused(
        "zombie-storm",
        """\
        python <<'END'
        import os, sys
        for number in range(10_000):
            try:
                if os.fork() == 0:
                    os._exit(0)
            except OSError:
                sys.exit(9)
        END
        exit
        """,
    ),
    Attack(
        "deaf-to-sigterm",
        TIMEOUT,
        """\
        trap '' TERM INT HUP QUIT
        while :; do sleep 1; done
        """,
    ),
    Attack("asleep-past-the-deadline", TIMEOUT, "sleep 600"),
    Attack("stopped-by-itself", TIMEOUT, "kill -STOP $$"),
    Attack(
        "daemons-in-new-sessions",
        NEUTRAL,
        """\
        for number in 1 2 3 4; do
            setsid python3 -c '
        import os, signal, time
        for each in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(each, signal.SIG_IGN)
        if os.fork() == 0:
            os.setsid()
            time.sleep(600)
        time.sleep(600)' >/dev/null 2>&1 </dev/null &
        done
        sleep 0.5
        """,
    ),
    Attack("everything-killed", FAILED, "sleep 600 &\nkill -9 -1", "exited with 137"),
    refused("the-init-killed", "kill -9 1\nkill -STOP 1\nsleep 1\nheld"),
    Attack("the-init-asked-to-end", FAILED, "kill -TERM 1\nsleep 600", "exited with 143"),
    Attack("death-by-sigkill", FAILED, "kill -KILL $$", "exited with 137"),
    Attack("death-by-sigsegv", FAILED, "kill -SEGV $$", "exited with 139"),
    Attack("death-by-sigterm", FAILED, "kill -TERM $$", "exited with 143"),
    Attack("death-by-sigabrt", FAILED, "kill -ABRT $$", "exited with 134"),
    Attack("exit-code-of-a-kill", FAILED, "exit 137", "exited with 137"),
    Attack("exit-code-of-a-lost-container", FAILED, "exit 255", "exited with 255"),
    Attack(
        "fork-bomb-in-the-benchmark",
        TIMEOUT,
        """\
        when_asked_to measure <<'END'
        exec python3 -c '
        import os
        while True:
            try:
                os.fork()
            except OSError:
                pass'
        END
        """,
    ),
    Attack(
        "everything-killed-in-the-check",
        FAILED,
        "echo 'sleep 600 & kill -9 -1; exit 9' | when_asked_to check",
        "check works exited with 137",
    ),
    Attack(
        "everything-killed-in-the-benchmark",
        FAILED,
        "echo 'sleep 600 & kill -9 -1; exit 9' | when_asked_to measure",
        "the benchmark was killed with all that was around it",
    ),
)
