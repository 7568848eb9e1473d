"""Tools for agents: what a coding agent may ask of the search that it is a part of.

``desk`` says what the tools can do in the world, ``tools`` how they are called, ``service`` carries
them over a socket. The protocol is the Model Context Protocol, by its official SDK, which takes a
second to import: only ``server`` and ``lines`` do, and nothing imports these before it serves.
"""
