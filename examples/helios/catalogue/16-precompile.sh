# Description: Compile the package ahead of time, so that nothing is compiled when it is measured.
# Tag: measuring
python3 -m compileall -q helios
