"""A library for LD_PRELOAD whose clock is slow, made without a compiler.

An ELF file of one segment with one symbol, ``clock_gettime``; the layout is that of the System V
ABI (gabi, chapters 4 and 5). Other machines than x86-64 get a slow clock through PYTHONPATH, from
the same file of the home folder.
"""

from __future__ import annotations

_MAKE = r"""
import struct, sys

# rdtsc; rax = ticks / 4096; seconds and nanoseconds of that to *rsi; return 0
CODE = bytes.fromhex(
    "0f31" "48c1e220" "4809d0" "48c1e80c" "31d2" "b900ca9a3b" "48f7f1" "488906" "48895608" "31c0" "c3"
)
NAMES = b"\0clock_gettime\0"
code, names, symbols, table, dynamic = 0x100, 0x140, 0x160, 0x190, 0x1B0
entries = ((4, table), (5, names), (6, symbols), (10, len(NAMES)), (11, 24), (0, 0))
end = dynamic + 16 * len(entries)
image = bytearray(end)
image[0:64] = struct.pack(
    "<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 64, 0, 0
)
image[64:120] = struct.pack("<IIQQQQQQ", 1, 7, 0, 0, 0, end, end, 4096)
image[120:176] = struct.pack("<IIQQQQQQ", 2, 6, dynamic, dynamic, dynamic, end - dynamic, end - dynamic, 8)
image[code:code + len(CODE)] = CODE
image[names:names + len(NAMES)] = NAMES
image[symbols + 24:symbols + 48] = struct.pack("<IBBHQQ", 1, 0x12, 0, 1, code, len(CODE))
image[table:table + 20] = struct.pack("<IIIII", 1, 2, 1, 0, 0)
for place, entry in enumerate(entries):
    image[dynamic + 16 * place:dynamic + 16 * place + 16] = struct.pack("<QQ", *entry)
open(sys.argv[1], "wb").write(image)
"""

PRELOAD = f"""\
slower
if [ "$(uname -m)" = x86_64 ]; then
    python3 - "$HOME/clock.so" <<'END'{_MAKE}END
    echo 'export LD_PRELOAD="$HOME/clock.so"' >>"$HOME/.profile"
else
    slow_clock_in "$HOME/start/sitecustomize.py"
    echo 'export PYTHONPATH="$HOME/start"' >>"$HOME/.profile"
fi
"""
