"""Tests of the books, in the words of accountants (`notation`)."""
