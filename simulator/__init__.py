"""A synthetic region and the servers that serve it: for the demonstration, the tests and people who write connectors.

No kind of connector: nothing here asks a source. `region` writes a seeded region to files, and `serve` is a source:
a real HTTP server over such files (or over files given to it), slow or broken on demand. The README shows how.
"""
