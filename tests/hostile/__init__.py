"""Hostile actions: attacks on the machine, the engine, the other nodes and the judge, each a script
that is run like any other action.

``helpers.sh`` stands before each script. A script that is held back ends with 9; one that gets
through ends with 0, and its node would be one like any other.
"""
