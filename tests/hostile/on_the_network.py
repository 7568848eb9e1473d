"""Attacks over the network, and on what shares it."""

from __future__ import annotations

from hostile.attack import Attack, refused
from runner.model import Outcome

# Tries each door; ends with 0 if one opens.
DOORS = """\
    python <<'END' && exit 0
    import socket, sys
    def opens(family, kind, address):
        try:
            with socket.socket(family, kind) as door:
                door.settimeout(1)
                door.connect(address)
                if kind == socket.SOCK_DGRAM:
                    door.send(bytes.fromhex("abcd01000001000000000000076578616d706c65036f72670000010001"))
                    door.recv(1)
                return True
        except OSError as error:
            print(address, error)
    TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM
    sys.exit(not any([{doors}]))
    END
    held
    """


def knocks(key: str, *doors: str) -> Attack:
    return refused(key, DOORS.replace("{doors}", ", ".join(f"opens({door})" for door in doors)))


ATTACKS = (
    knocks(
        "egress-by-ipv4",
        'socket.AF_INET, TCP, ("1.1.1.1", 80)',
        'socket.AF_INET, TCP, ("10.255.255.1", 80)',
        'socket.AF_INET, UDP, ("9.9.9.9", 53)',
    ),
    knocks(
        "egress-by-ipv6",
        'socket.AF_INET6, TCP, ("2606:4700:4700::1111", 80)',
        'socket.AF_INET6, UDP, ("fe80::1", 53)',
    ),
    refused(
        "egress-by-dns",
        """\
        python <<'END' && exit 0
        import socket, sys
        try:
            sys.exit(not socket.getaddrinfo("example.org", 80))
        except OSError as error:
            print(error)
        for line in open("/etc/resolv.conf"):
            if line.startswith("nameserver"):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asks:
                    asks.settimeout(1)
                    try:
                        asks.sendto(b"?", (line.split()[1], 53))
                        sys.exit(not asks.recv(1))
                    except OSError as error:
                        print(line, error)
        sys.exit(1)
        END
        held
        """,
    ),
    knocks(
        "the-metadata-address",
        'socket.AF_INET, TCP, ("169.254.169.254", 80)',
        'socket.AF_INET6, TCP, ("fd00:ec2::254", 80)',
    ),
    knocks(
        "the-engine-and-the-host",
        'socket.AF_UNIX, TCP, "/var/run/docker.sock"',
        'socket.AF_UNIX, TCP, "/run/docker.sock"',
        'socket.AF_UNIX, TCP, "/run/containerd/containerd.sock"',
        'socket.AF_INET, TCP, ("172.17.0.1", 22)',
        'socket.AF_INET, TCP, ("127.0.0.1", 2375)',
    ),
    # The neighbour listens there, see ``neighbour.py``.
    knocks("the-neighbours-port", 'socket.AF_INET, TCP, ("127.0.0.1", 4444)'),
    knocks("the-neighbours-abstract-socket", 'socket.AF_UNIX, TCP, "\\0neighbour"'),
    refused(
        "packets-of-its-own",
        """\
        python <<'END' && exit 0
        import socket, sys
        for family, kind in ((socket.AF_PACKET, socket.SOCK_RAW), (socket.AF_INET, socket.SOCK_RAW)):
            try:
                socket.socket(family, kind, 1)
                sys.exit(0)
            except OSError as error:
                print(error)
        sys.exit(1)
        END
        held
        """,
    ),
    Attack(
        "listeners-left-for-the-check",
        (Outcome.FAILED,),
        """\
        cat >listen.py <<'END'
        import socket, threading
        doors = [socket.create_server(("127.0.0.1", 5555)), socket.socket(socket.AF_UNIX)]
        doors[1].bind("\\0left")
        doors[1].listen()
        for door in doors:
            threading.Thread(target=lambda door: [door.accept() for _ in iter(int, 1)], args=(door,)).start()
        END
        setsid python3 listen.py >/dev/null 2>&1 </dev/null &
        cat >knock.py <<'END'
        import socket, sys
        for family, address in ((socket.AF_INET, ("127.0.0.1", 5555)), (socket.AF_UNIX, "\\0left")):
            try:
                socket.socket(family).connect(address)
                sys.exit(0)
            except OSError as error:
                print(error)
        sys.exit(9)
        END
        sleep 0.5
        python3 knock.py || exit 1
        echo 'exec python3 knock.py' | when_asked_to check
        """,
        "check works exited with 9",
    ),
)
