"""The tools' server as an agent in a container starts it: its own input and output, carried to the
port of the container's loopback behind which the desk is.

This file is, as it stands, also a program in the container; so it needs nothing but the standard
library of Python 3.8. It looks at nothing that passes.

    python3 bridge.py [PORT]

Without PORT the environment says which (``OPPIE_PORT_3130``), as where there are no containers.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading

PORT = 3130
_CHUNK = 1 << 16


def carry(sock: socket.socket, reads: int, writes: int) -> None:
    """Carry bytes between a socket and two file descriptors until either end has ended.

    The end of what is read is passed on, and the answers that are still on their way are waited for.
    """
    threading.Thread(target=_inward, args=(sock, reads), daemon=True).start()
    with contextlib.suppress(OSError):
        while True:
            data = sock.recv(_CHUNK)
            if not data:
                return
            _write(writes, data)


def _inward(sock: socket.socket, reads: int) -> None:
    with contextlib.suppress(OSError):
        while True:
            data = os.read(reads, _CHUNK)
            if not data:
                sock.shutdown(socket.SHUT_WR)
                return
            sock.sendall(data)


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def main() -> int:
    """Connect and carry; 1 if there is nobody at the port."""
    named = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("OPPIE_PORT_%d" % PORT)  # noqa: UP031
    port = int(named or PORT)
    try:
        sock = socket.create_connection(("127.0.0.1", port), timeout=30)
    except OSError as error:
        sys.stderr.write("oppie: the tools can't be reached at port %d: %s\n" % (port, error))  # noqa: UP031
        return 1
    sock.settimeout(None)
    with sock:
        carry(sock, 0, 1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
