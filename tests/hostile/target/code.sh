# What is judged: does nothing, and says so.
echo "$1: nothing to do"
