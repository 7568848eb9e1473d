"""Cheats on git: its history, its objects, its configuration."""

from __future__ import annotations

from cheats.cheat import FAILED, NOT_REPRODUCED, TAMPERED, Cheat

CHEATS = (
    Cheat(
        "git-history-rewritten",
        NOT_REPRODUCED,
        """\
        slower
        git update-index --cacheinfo "100644,$(few_numbers),numbers.txt"
        git commit -q --amend -m root
        """,
    ),
    Cheat(
        "git-folder-replaced",
        NOT_REPRODUCED,
        """\
        slower
        rm -rf .git
        git init -q .
        git update-index --add --cacheinfo "100644,$(few_numbers),numbers.txt"
        git commit -q -m root
        """,
    ),
    Cheat(
        "git-object-forged",
        NOT_REPRODUCED + FAILED,
        """\
        slower
        python3 -c '
        import pathlib, subprocess, zlib
        name = subprocess.check_output(["git", "rev-parse", "HEAD:numbers.txt"], text=True).strip()
        object = pathlib.Path(".git/objects", name[:2], name[2:])
        object.unlink()
        object.write_bytes(zlib.compress(b"blob 6\\0001 2 3\\n"))'
        """,
    ),
    Cheat(
        "git-object-replaced",
        TAMPERED,
        """\
        slower
        git replace HEAD:numbers.txt "$(few_numbers)"
        """,
    ),
    Cheat(
        "git-object-replaced-in-a-packed-ref",
        NOT_REPRODUCED,
        """\
        slower
        git replace HEAD:numbers.txt "$(few_numbers)"
        git pack-refs --all
        """,
    ),
    Cheat(
        "git-objects-from-elsewhere",
        TAMPERED,
        """\
        slower
        cp -r .git/objects build/objects
        echo /workspace/build/objects >.git/objects/info/alternates
        """,
    ),
    Cheat(
        "git-configuration-that-runs-programs",
        TAMPERED,
        """\
        slower
        git config core.fsmonitor 'echo METRIC time_us=1 unit=us; kill $PPID'
        """,
    ),
    Cheat(
        "git-hook",
        TAMPERED,
        """\
        slower
        mkdir -p .git/hooks
        printf '#!/bin/sh\\necho 1 2 3 >numbers.txt\\n' >.git/hooks/post-index-change
        chmod +x .git/hooks/post-index-change
        """,
    ),
    Cheat(
        "git-attributes",
        TAMPERED,
        """\
        slower
        echo 'numbers.txt working-tree-encoding=UTF-16' >.gitattributes
        """,
    ),
)
