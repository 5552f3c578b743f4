"""Signed meter values: the formats, the verdicts, and hostile input."""
