"""The rules of a Party cell's votes as pure functions: who counts, what passes, which ballots hold.

Nothing here reads a clock, a socket, a disk or a random source.
"""
