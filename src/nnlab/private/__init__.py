"""Names that libraries do not promise, a module each: nothing else of nnlab uses such names.

`READ_FROM` of a module says which version they were read from; a test fails when another one is installed.
"""
