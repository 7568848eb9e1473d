"""Attacks with files: what they are, where they lead, what they are called, how many there are."""

from __future__ import annotations

from hostile.attack import Attack, refused
from runner.model import Outcome

NEUTRAL, TAMPERED, DISK = (Outcome.NEUTRAL,), (Outcome.TAMPERED,), (Outcome.DISK,)

ATTACKS = (
    Attack(
        "links-that-lead-out",
        NEUTRAL,
        """\
        ln -s /etc/shadow shadow
        ln -s /proc/1/root root
        ln -s ../../../../../../etc/passwd passwd
        ln -s /var/run/docker.sock engine
        ln -s / all
        """,
    ),
    Attack("links-that-lead-nowhere", NEUTRAL, "ln -s /nowhere/at/all dangling\nln -s '' x || true"),
    Attack("links-in-a-circle", NEUTRAL, "ln -s b a\nln -s a b\nln -s . here\nln -s ../workspace w"),
    Attack(
        "hard-links",
        NEUTRAL,
        """\
        ln code.sh again
        ln "$(command -v python3)" python 2>/dev/null || true
        mkdir -p deep/down
        for n in 1 2 3 4 5 6 7 8; do ln again deep/down/$n; done
        """,
    ),
    Attack(
        "hard-links-to-the-judge",
        TAMPERED,
        "ln judge/known.txt mine\necho other >mine",
    ),
    refused("devices-made", "mknod disk b 254 0 || mknod null c 1 3 || held"),
    Attack(
        "fifos-and-sockets",
        NEUTRAL,
        """\
        mkfifo pipe judge.pipe
        python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
        """,
    ),
    Attack("fifo-in-the-place-of-the-code", (Outcome.TIMEOUT,), "rm code.sh\nmkfifo code.sh"),
    Attack("fifo-in-the-place-of-the-judge", TAMPERED, "rm judge/known.txt\nmkfifo judge/known.txt"),
    Attack("judge-replaced-by-a-link", TAMPERED, "rm -r judge\nln -s /etc judge"),
    Attack(
        "judge-behind-a-link",
        TAMPERED,
        "mv judge /var/tmp/judge\nln -s /var/tmp/judge judge",
    ),
    refused(
        "workspace-replaced",
        """\
        mv /workspace /elsewhere && exit 0
        rmdir /workspace && exit 0
        ln -sfT /etc /workspace && exit 0
        held
        """,
    ),
    Attack("names-in-other-letters", NEUTRAL, "echo a >A\necho b >a\nmkdir É\ntouch é É/é"),
    Attack("judge-in-other-letters", TAMPERED, "mkdir Judge\necho other >Judge/known.txt"),
    Attack(
        "names-that-do-harm",
        NEUTRAL,
        r"""
        python3 - <<'END'
        names = [
            b"-rf", b"--help", b"$(reboot)", b"`reboot`", b"a;reboot", b"a|b", b"*", b"~", b"a b",
            b"new\nline", b"\x1b[2J\x1b]0;owned\x07", b"<img src=x onerror=alert(1)>", b"'\"", b"\\",
            "\u202egnp.exe".encode(), "\ufeff\u200b".encode(), b"\xff\xfe", b".", b"..", b"x" * 255,
            b"%s%n", b"{0}", b"[bold red]x", b"::error::x", b"```", b"@everyone", b"CON", b"a:b",
        ]
        import os
        for name in names:
            if name not in (b".", b".."):
                os.close(os.open(name, os.O_CREAT))
        END
        """,
    ),
    Attack(
        "paths-longer-than-the-kernel-takes",
        NEUTRAL,
        r"""
        python3 - <<'END'
        import os
        for depth in range(60):
            os.mkdir("d" * 200)
            os.chdir("d" * 200)
        os.close(os.open("end", os.O_CREAT))
        END
        """,
    ),
    Attack("files-that-nobody-may-read", NEUTRAL, "mkdir shut\ntouch shut/x y\nchmod 0 shut y"),
    Attack(
        "many-files",
        NEUTRAL,
        """\
        python3 -c '
        for number in range(2000):
            open(f"file-{number}", "w").write(str(number))'
        """,
    ),
    Attack("a-big-file", NEUTRAL, "head -c 12000000 /dev/urandom >big"),
)
