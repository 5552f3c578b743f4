"""The signed samples of tests/data/signed, taken apart by hand: each text that holds a record, and the key beside it."""

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from streams.signed.carriage import records_in
from streams.signed.check import Judged, claimed_key, judged
from streams.signed.ecdsa import PublicKey
from streams.signed.record import CannotJudge, SignedRecord
from vocabulary.signatures import Verdict

FOLDER = Path(__file__).parents[2] / "data" / "signed"
_VALUE = re.compile(r"<value\b.*?</value>", re.DOTALL)
_SIGNED = re.compile(r"<(?:signed|encoded)Data[^>]*>(.*?)</(?:signed|encoded)Data>", re.DOTALL)
_KEY = re.compile(r"<publicKey[^>]*>(.*?)</publicKey>", re.DOTALL)


class Sample(NamedTuple):
    """`key`: as the file gives it beside the text; empty: it does not."""

    file: str
    text: str
    key: str


def samples(file: str) -> Iterator[Sample]:
    """The texts of a file, in its order; a file that is no container is one text."""
    text = (FOLDER / file).read_bytes().decode(errors="surrogateescape")
    values = _VALUE.findall(text)
    for value in values:
        key = _KEY.search(value)
        signed = _SIGNED.search(value)
        yield Sample(file, html.unescape(signed[1]) if signed else "", html.unescape(key[1]) if key else "")
    if not values:
        yield Sample(file, text, "")


def files() -> list[str]:
    return sorted(path.name for path in FOLDER.iterdir() if path.suffix in (".xml", ".pcdf", ".json"))


def verdicts(file: str) -> list[str]:
    """On each record, by the key that the file itself gives: "verified", "failed: why", "unverifiable: why"."""
    return [verdict(sample) for sample in samples(file)]


def verdict(sample: Sample) -> str:
    try:
        (record,) = records_in(sample.text)
        found = checked(record, sample.key)
    except CannotJudge as problem:
        return f"unverifiable: {problem.reason}"
    return found.verdict if found.verdict is Verdict.VERIFIED else f"{found.verdict}: {found.reason}"


def checked(record: SignedRecord, beside: str) -> Judged:
    key = claimed_key(record, beside)
    return judged(record, [key] if key else [])


def verified() -> Iterator[tuple[str, SignedRecord, PublicKey]]:
    """Every record of every sample that its own key verifies."""
    for file in files():
        for sample in samples(file):
            try:
                found = [(record, checked(record, sample.key)) for record in records_in(sample.text)]
            except CannotJudge:
                continue
            for record, judgement in found:
                if judgement.verdict is Verdict.VERIFIED and judgement.key is not None:
                    yield file, record, judgement.key
