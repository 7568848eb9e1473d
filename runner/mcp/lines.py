"""One connection: JSON-RPC messages, one in each line, over a socket whose other end is hostile.

This is the framing of the protocol's stdio transport. The SDK's own reads lines of any length and
any number of requests at once; here both are bounded: a request is read when there is room for its
answer, so who asks and doesn't listen waits.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server.lowlevel import Server
from mcp.shared.message import ServerMessageMetadata, SessionMessage
from mcp.types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCRequest,
    JSONRPCResponse,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError

_MOST_OPEN = 16  # requests that have no answer yet


@dataclass(frozen=True, slots=True)
class _Line:
    """The socket's two ends and what may come through it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    most_bytes: int
    counted: Callable[[], bool]


async def converse(
    server: Server[Any], sock: socket.socket, most_bytes: int, counted: Callable[[], bool]
) -> None:
    """Serve one connection until it ends, and close it.

    ``counted`` is asked for each message whether one more is allowed.
    """
    reader, writer = await asyncio.open_connection(sock=sock, limit=most_bytes)
    line = _Line(reader, writer, most_bytes, counted)
    into, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    outgoing, from_server = anyio.create_memory_object_stream[SessionMessage](0)
    room = asyncio.Semaphore(_MOST_OPEN)
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_write, line, from_server, room)
            group.start_soon(_read, line, into, outgoing.clone(), room)
            await server.run(incoming, outgoing, server.create_initialization_options())
            group.cancel_scope.cancel()
    except* (ConnectionError, anyio.BrokenResourceError, anyio.ClosedResourceError):
        pass  # whoever called has gone
    finally:
        writer.close()
        for stream in (into, incoming, outgoing, from_server):
            stream.close()


async def _read(
    line: _Line,
    into: MemoryObjectSendStream[SessionMessage | Exception],
    answers: MemoryObjectSendStream[SessionMessage],
    room: asyncio.Semaphore,
) -> None:
    """Pass on what comes; the end of it ends the session."""
    async with into, answers:
        while True:
            try:
                text = await line.reader.readuntil()
            except asyncio.IncompleteReadError:
                return
            except asyncio.LimitOverrunError:
                words = f"a message may have {line.most_bytes} bytes at most; the session ends"
                await answers.send(_refused(INVALID_REQUEST, words))
                return
            if not text.strip():
                continue
            if not line.counted():
                words = "no more messages: the session's are used up"
                await answers.send(_refused(INVALID_REQUEST, words))
                return
            message = _parsed(text)
            if message is None:
                await answers.send(_refused(PARSE_ERROR, "this is no JSON-RPC message"))
                continue
            if isinstance(message.message, JSONRPCRequest):
                await room.acquire()
            await into.send(_noting(message, room))


async def _write(
    line: _Line, outgoing: MemoryObjectReceiveStream[SessionMessage], room: asyncio.Semaphore
) -> None:
    async for each in outgoing:
        text = each.message.model_dump_json(by_alias=True, exclude_unset=True)
        line.writer.write(text.encode() + b"\n")
        await line.writer.drain()
        # What was refused before it was a request took no room, and has no id.
        if isinstance(each.message, JSONRPCResponse | JSONRPCError) and each.message.id is not None:
            room.release()


def _noting(message: SessionMessage, room: asyncio.Semaphore) -> SessionMessage:
    """The message, with word to be given when it is never answered (its client has cancelled it)."""

    async def unanswered() -> None:
        room.release()

    return SessionMessage(message.message, ServerMessageMetadata(on_request_unanswered=unanswered))


def _parsed(text: bytes) -> SessionMessage | None:
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(text, by_name=False))
    except (ValidationError, RecursionError):
        return None


def _refused(code: int, words: str) -> SessionMessage:
    error = ErrorData(code=code, message=words)
    return SessionMessage(JSONRPCError(jsonrpc="2.0", id=None, error=error))
