"""The ways of copying a table that are compared: each module has one class `Copy`, written as its users would write it.

They run in processes of their own, some of them in an environment which has none of the project's packages: they
import nothing of the project but this package.
"""
