"""Signed meter values: what is signed in them, by which key, and whether a session may be billed by them.

text as carried ── carriage ──▶ bytes ── one module per format ──▶ SignedRecord ── ecdsa ──▶ verdict on the record
the records of a session ── pairing, checks one after the other ──▶ verdict on billing
"""
