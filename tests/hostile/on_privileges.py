"""Attacks on the walls: rights, namespaces, the kernel's own files."""

from __future__ import annotations

from hostile.attack import Attack, refused
from runner.model import Outcome


def opens(key: str, mode: str, *paths: str) -> Attack:
    """Tries to open files that are nobody's business; ends with 0 if one gives or takes a byte."""
    return refused(
        key,
        f"""\
        python <<'END' && exit 0
        import glob, sys
        for pattern in {paths!r}:
            for path in glob.glob(pattern) or [pattern]:
                try:
                    with open(path, {mode!r}, buffering=0) as file:
                        if file.read(1) if {mode!r} == "rb" else file.write(b"1"):
                            print("open:", path)
                            sys.exit(0)
                except OSError as error:
                    print(error)
        sys.exit(1)
        END
        held
        """,
    )


def calls(key: str, *lines: str) -> Attack:
    """Makes system calls (Python expressions; ``libc`` is there); ends with 0 if one succeeds."""
    tries = ", ".join(f"lambda: {line}" for line in lines)
    return refused(
        key,
        f"""\
        python <<'END' && exit 0
        import ctypes, os, sys
        libc = ctypes.CDLL(None, use_errno=True)
        for call in [{tries}]:
            try:
                if call() in (None, 0):
                    sys.exit(0)
                print(os.strerror(ctypes.get_errno()))
            except OSError as error:
                print(error)
        sys.exit(1)
        END
        held
        """,
    )


ATTACKS = (
    Attack(
        "set-uid-files",
        (Outcome.FAILED,),
        """\
        cp "$(command -v id)" mine
        chmod 6755 mine
        cat >knock.py <<'END'
        import os, subprocess, sys, time
        if subprocess.check_output(["./mine", "-u"]).strip() != b"1000":
            sys.exit(0)
        for program in ("/bin/su", "/usr/bin/passwd", "/usr/bin/newgrp", "/bin/mount"):
            if os.path.exists(program) and os.stat(program).st_mode & 0o4000:
                runs = subprocess.Popen([program], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
                time.sleep(0.3)
                for line in open(f"/proc/{runs.pid}/status"):
                    if line.startswith("Uid:") and "\\t0" in line:
                        sys.exit(0)
                runs.kill()
        sys.exit(9)
        END
        echo 'exec python3 knock.py' | when_asked_to check
        """,
        "check works exited with 9",
    ),
    calls(
        "file-capabilities",
        'os.setxattr("code.sh", "security.capability", bytes.fromhex("0100000220000000" + "00" * 12))',
        'os.setxattr("code.sh", "trusted.overlay.opaque", b"y")',
    ),
    calls("back-to-root", "os.setuid(0)", "os.setgid(0)", "os.setgroups([0])", 'os.chown("code.sh", 0, 0)'),
    calls(
        "namespaces-of-its-own",
        "libc.unshare(0x10000000)",
        "libc.unshare(0x00020000)",
        "libc.unshare(0x40000000)",
        'libc.setns(os.open("/proc/1/ns/mnt", os.O_RDONLY), 0)',
    ),
    calls(
        "file-systems-mounted",
        'libc.mount(b"none", b"/tmp", b"tmpfs", 0, None)',
        'libc.mount(b"proc", b"/tmp", b"proc", 0, None)',
        'libc.umount2(b"/proc/kcore", 2)',
        'libc.mount(None, b"/proc/sys", None, 32 | 4096, None)',
        'libc.chroot(b"/tmp")',
    ),
    calls(
        "calls-that-are-filtered",
        "libc.syscall(248, 1, 2, 3, 4, 5)",
        "libc.syscall(250, 0, 0, 0, 0, 0)",
        "libc.syscall(321, 5, 0, 0)",
        "libc.syscall(298, 0, 0, 0, 0, 0)",
        "libc.syscall(169, 0xfee1dead, 672274793, 0, 0)",
        "libc.syscall(175, 0, 0, 0)",
        "libc.syscall(304, 0, 0, 0)",
        "libc.syscall(227, 0, 0)",
    ),
    calls(
        "limits-raised",
        "os.nice(-5) and None",
        'libc.prlimit(0, 7, (ctypes.c_ulong * 2)(9999, 9999), None)',
        'os.write(os.open("/proc/self/oom_score_adj", os.O_WRONLY), b"-900") and None',
        "libc.sched_setscheduler(0, 1, (ctypes.c_int * 1)(1))",
    ),
    opens(
        "memory-of-the-machine",
        "rb",
        "/proc/kcore",
        "/proc/kmem",
        "/dev/mem",
        "/dev/kmsg",
        "/proc/keys",
        "/proc/timer_list",
        "/sys/firmware/*",
        "/dev/sd*",
        "/dev/vd*",
        "/dev/nvme*",
        "/etc/shadow",
    ),
    opens(
        "switches-of-the-kernel",
        "wb",
        "/proc/sysrq-trigger",
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/net/ipv4/ip_forward",
        "/proc/sys/vm/drop_caches",
        "/sys/fs/cgroup/release_agent",
        "/sys/fs/cgroup/*/release_agent",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/pids/pids.max",
        "/sys/kernel/uevent_helper",
        "/etc/passwd",
    ),
    refused(
        "looks-at-other-containers",
        """\
        python <<'END' && exit 0
        import os, sys
        mine = set(open("/proc/self/status").read().split()) and os.getpid()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            if b"neighbour" in open(f"/proc/{pid}/cmdline", "rb").read() and int(pid) != mine:
                sys.exit(0)
        sys.exit(1)
        END
        held
        """,
    ),
)
