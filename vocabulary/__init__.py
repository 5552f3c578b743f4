"""The words that all rooms share: every value that crosses a wall, and nothing else.

Pure and frozen. Nothing of ours is imported here; behaviour is functions over these values, in the rooms that own them.
"""
