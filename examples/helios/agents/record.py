"""Makes the recorded sessions of this folder out of the catalogue: ``python3 record.py``.

A real agent writes its own changes. These take theirs from the catalogue, so that the demonstration
needs no model, and they go about it as an agent would: they look around, ask a model and the tools,
change, check, and say what they did.
"""

from __future__ import annotations

import json
from pathlib import Path

HERE = Path(__file__).parent
CATALOGUE = HERE.parent / "catalogue"
MODEL = "scripted-1"

# What each agent works on, and its changes in the order in which it tries them.
AGENTS = {
    "storage": ["05-pack-file", "06-one-write-per-commit", "02-skip-stored-objects"],
    "copying": ["08-no-deep-copy", "09-node-tree"],
    "encoding": ["01-one-shot-digest", "07-binary-trees", "11-diff-skips-equal-folders"],
}
TEMPTING = "12-trust-file-size"  # quick, and wrong: a file can change and keep its size
_NEXT = """\
for patch in {patches}; do
  if git apply --check /tmp/$patch.patch 2>/dev/null; then
    git apply /tmp/$patch.patch && echo "applied $patch" && exit 0
  fi
done
echo "nothing is left to try here"
"""


def ask(question: str) -> dict[str, object]:
    """Ask the model."""
    message = {"role": "user", "content": question}
    body = {"model": MODEL, "max_tokens": 200, "messages": [message]}
    return {"model": {"path": "v1/messages", "body": body}}


def tool(name: str, **arguments: object) -> dict[str, object]:
    """Call a tool of the search."""
    return {"mcp": {"tool": name, "arguments": arguments}}


def put(key: str) -> dict[str, object]:
    """A patch, beside the workspace."""
    text = (CATALOGUE / f"{key}.patch").read_text(encoding="utf-8")
    return {"write": f"/tmp/{key}.patch", "text": text}


def change(*keys: str) -> list[dict[str, object]]:
    """The first of these changes that can be made here."""
    return [*map(put, keys), {"run": _NEXT.format(patches=" ".join(keys))}]


def session(name: str) -> list[dict[str, object]]:
    """One agent's session."""
    keys = AGENTS[name]
    look = [
        {"phase": "research"},
        tool("tree_node"),
        tool("knowledge_similar", what=f"{name} vst_commit_us"),
        ask(f"What slows a commit down, as far as {name} is concerned?"),
    ]
    end = [
        {"phase": "validate"},
        tool("tests_run"),
        {"phase": "pr"},
        {"result": {"status": "done", "said": f"{name}: the next change of mine is in."}},
    ]
    if name != "storage":
        return [*look, {"phase": "green"}, *change(*keys), *end]
    tempted = [
        {"phase": "green"},
        {"say": "Hashing is dear. A file of the same size has hardly changed."},
        *change(TEMPTING, *keys),
        {"result": {"status": "done", "said": "storage: files of the same size aren't hashed again."}},
    ]
    mended = [
        {"round": 2},
        {"phase": "refactor"},
        {"say": "A file can change and keep its size. That goes; the objects get one file instead."},
        put(TEMPTING),
        {"run": f"git apply --reverse /tmp/{TEMPTING}.patch", "may_fail": True},
        *change(*keys),
        tool("knowledge_store", category="storage", pattern="Never trust a file's size alone."),
        *end,
    ]
    return [*look, *tempted, *mended]


def main() -> None:
    """Write all sessions."""
    for name in AGENTS:
        lines = [json.dumps(step) for step in session(name)]
        (HERE / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
