"""Attacks on memory and disk."""

from __future__ import annotations

from hostile.attack import Attack, refused
from runner.model import Outcome

OOM, DISK = (Outcome.OOM,), (Outcome.DISK,)

ATTACKS = (
    Attack(
        "memory-bomb",
        OOM,
        """\
        python <<'END'
        held = []
        while True:
            held.append(bytearray(1 << 20))
        END
        """,
    ),
    Attack(
        "memory-bomb-of-many-processes",
        OOM,
        """\
        python <<'END'
        import os, sys, time
        for number in range(12):
            if os.fork() == 0:
                held = b"x" * (24 << 20)
                time.sleep(600)
        sys.exit(any(os.wait()[1] for number in range(1)) and 9)
        END
        """,
    ),
    Attack(
        "memory-in-files-without-names",
        OOM,
        """\
        python <<'END'
        import os
        for number in range(16):
            file = os.memfd_create("held")
            for each in range(16):
                os.write(file, bytes(1 << 20))
        END
        """,
    ),
    Attack(
        "memory-in-system-v-segments",
        OOM,
        """\
        python <<'END'
        import ctypes
        libc = ctypes.CDLL(None)
        libc.shmat.restype = ctypes.c_void_p
        for number in range(64):
            segment = libc.shmget(0, 8 << 20, 0o1600)
            ctypes.memset(libc.shmat(segment, None, 0), 1, 8 << 20)
        END
        """,
    ),
    Attack(
        "memory-bomb-in-the-benchmark",
        OOM,
        """\
        echo "exec python3 -c 'x = bytearray(400 << 20)'" | when_asked_to measure
        """,
    ),
    refused("tmp-filled", "head -c 20000000 /dev/zero >/tmp/full || held"),
    refused("shared-memory-filled", "head -c 20000000 /dev/zero >/dev/shm/full || held"),
    refused(
        "tmp-filled-with-empty-files",
        """\
        python <<'END' || held
        for number in range(100_000):
            open(f"/tmp/{number}", "w").close()
        END
        """,
    ),
    Attack("disk-filled", DISK, "cat /dev/zero >full"),
    Attack("disk-filled-outside-the-workspace", DISK, 'cat /dev/zero >"$HOME/full"'),
    Attack("disk-filled-at-the-last-moment", DISK, "head -c 40000000 /dev/zero >full"),
    Attack(
        "disk-filled-in-the-benchmark",
        DISK,
        "echo 'cat /dev/zero >/var/tmp/full' | when_asked_to measure",
    ),
    refused("sparse-file-of-a-terabyte", "truncate -s 1T huge || held"),
    Attack("sparse-files-that-add-up", DISK, "for n in 1 2 3 4; do truncate -s 6M huge$n; done"),
    Attack(
        "inodes-used-up",
        DISK,
        """\
        python <<'END'
        import os
        number = 0
        while True:
            folder = f"many/{number}"
            os.makedirs(folder)
            for each in range(1000):
                os.close(os.open(f"{folder}/{each}", os.O_CREAT))
            number += 1
        END
        """,
    ),
)
