"""Whether each source works: checks, what real traffic says, what sources report of themselves, and who pauses them.

A room of its own: it stands on `federation`, whose figures and channels it uses, and on `alerts`; `sources`, on which
those two stand, may know neither.
"""
