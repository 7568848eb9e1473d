"""Parts of commands that more than one framework has."""

from __future__ import annotations

# Outside the sources: what is built there must never be taken for a part of them.
CMAKE_BUILD = (
    'cmake -S . -B "$HOME"/.cache/oppie-build -DCMAKE_BUILD_TYPE=Release'
    ' && cmake --build "$HOME"/.cache/oppie-build'
)


def gathered(command: str, reports: str) -> str:
    """``command``, whose reports are one file for each class, with all of them in one file at the
    end. What an earlier run left goes first."""
    return (
        f"( find . -path '*/{reports}' -delete; {command}; code=$?; "
        "{ echo '<testsuites>'; "
        f"find . -path '*/{reports}' -exec sed 's/<?xml[^>]*?>//' '{{}}' +; "
        "echo '</testsuites>'; } > {results}; exit $code )"
    )
