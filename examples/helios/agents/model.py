"""A model that isn't one: it answers Anthropic Messages from a short list, on the loopback.

    python3 model.py 8791 COMMAND...    answers while the command runs, and ends as it does
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ADVICE = {
    "storage": "Each object is a file of its own. One file that objects are appended to is cheaper.",
    "copying": "The files are copied deeply at each commit, though hardly any of them changes.",
    "encoding": "Directories are JSON with hexadecimal digests; bytes are shorter and quicker.",
}


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """The message that goes back."""
    text = json.dumps(asked.get("messages", ""))
    said = next((advice for word, advice in ADVICE.items() if word in text), "Measure first.")
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": asked.get("model", ""),
        "content": [{"type": "text", "text": said}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": len(text) // 4, "output_tokens": len(said) // 4},
    }


class Handler(BaseHTTPRequestHandler):
    """Answers ``POST /v1/messages``."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        body = json.dumps(answer(json.loads(self.rfile.read(size)))).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def main() -> int:
    """Serve while a command runs; its exit code."""
    port, command = int(sys.argv[1]), sys.argv[2:]
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        print(f"127.0.0.1:{port}: {error.strerror}; the demonstration needs it", file=sys.stderr)
        return 5
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        return subprocess.run(command, check=False).returncode
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    sys.exit(main())
