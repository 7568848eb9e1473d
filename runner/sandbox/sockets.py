"""Connections to an engine's unix socket that don't stay open when nobody answers.

docker-py (7.1.0, transport/unixconn.py) makes a socket, and forgets it if it can't be connected: an
engine that is gone, or too busy to take the call, costs a file descriptor each time it is asked.
"""

from __future__ import annotations

import socket
from typing import Any

import docker
from docker.transport.unixconn import (
    UnixHTTPAdapter,
    UnixHTTPConnection,
    UnixHTTPConnectionPool,
)


class _Connection(UnixHTTPConnection):  # type: ignore[misc]
    def connect(self) -> None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(self.timeout)
            sock.connect(self.unix_socket)
        except BaseException:
            sock.close()
            raise
        self.sock = sock


class _Pool(UnixHTTPConnectionPool):  # type: ignore[misc]
    def _new_conn(self) -> _Connection:
        return _Connection(self.base_url, self.socket_path, self.timeout)


class _Adapter(UnixHTTPAdapter):  # type: ignore[misc]
    def get_connection(self, url: str, proxies: object = None) -> Any:
        del proxies  # there are none before a unix socket
        with self.pools.lock:
            pool = self.pools.get(url)
            if pool is None:
                pool = _Pool(url, self.socket_path, self.timeout, maxsize=self.max_pool_size)
                self.pools[url] = pool
            return pool


def close_what_fails(api: docker.APIClient) -> None:
    """Let a client that was just made close the sockets that it can't connect."""
    usual = getattr(api, "_custom_adapter", None)  # an engine on TCP has none
    if isinstance(usual, UnixHTTPAdapter):
        usual.close()
        better = _Adapter(f"http+unix://{usual.socket_path}", usual.timeout)
        api._custom_adapter = better
        api.mount("http+docker://", better)
