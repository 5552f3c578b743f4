"""The books: chart of accounts, journal entries, the rules by which events are posted, the store, and the checks.

Read `chart` and `post` first; an accountant needs no other file.
"""
