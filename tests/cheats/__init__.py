"""Cheats: actions that look like improvements and are none. A small target, what judges it, and
each cheat as a script that is run like any other action.

``helpers.sh`` stands before each script. What a cheat's code does where its trick doesn't work is
to be slower, or wrong, or to fail: a judge that is fooled calls something bad an improvement, and
luck can't make it look better.
"""
