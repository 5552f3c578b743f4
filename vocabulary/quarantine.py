"""A message of the raw topic that cannot be worked on, and why: kept aside, so that it holds up nothing and is not forgotten.

What a station can send in its frame is never a reason: a frame that makes no sense becomes a MessageRejected event. What
stands here is wrong outside the frame, where only a producer or a mistake of ours can make it so. Where there is no topic,
it is a message of the log: `partition` is 0 then, `offset` its position, and `appended_at_ms` when it arrived (-1: not known).
"""

from enum import StrEnum

from msgspec import UNSET, Struct, UnsetType


class QuarantineReason(StrEnum):
    """In order of precedence: a message has the first that holds. Each has a paragraph in docs/errors.md."""

    BATCH_TOO_LARGE = "batch_unpacks_to_too_much"
    BATCH_UNREADABLE = "batch_does_not_unpack_to_records"
    KEY_MISSING = "record_has_no_key"
    KEY_IS_NO_STATION = "record_key_is_no_station_name"
    VALUE_MISSING = "record_has_no_value"
    VALUE_TOO_LONG = "record_value_is_too_long"
    HEADER_NAME_UNREADABLE = "header_name_is_not_utf8"
    PROTOCOL_UNKNOWN = "protocol_header_is_unknown"
    DIRECTION_UNKNOWN = "direction_header_is_unknown"
    RECEIVED_AT_UNREADABLE = "received_at_header_cannot_be_read"
    SOURCE_UNREADABLE = "source_header_cannot_be_read"
    KEY_IN_ANOTHER_PARTITION = "record_is_not_in_the_partition_of_its_key"
    STEPS_FAIL = "steps_fail_on_the_record"


class Kept(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Bytes as they came: as text, or as base64 where they are no UTF-8.

    `length` counts the bytes that came. Where it is more than what is kept, the rest stands in the raw topic only.
    """

    text: str
    length: int
    base64: bool = False


class KeptBatch(Struct, frozen=True, kw_only=True):
    """Records that a producer sent together and nobody unpacks, as the header of their batch tells of them."""

    first: int  # offset of the first record; that of the last is the quarantined one's
    records: int  # how many, as the producer says
    codec: str  # none, gzip, snappy, lz4, zstd, or the number of one that there is not
    length: int  # bytes in which they stand in the topic
    crc: int  # CRC-32C of the batch


class Quarantined(Struct, frozen=True, kw_only=True, tag="quarantined"):
    """`detail` names what was found, at most 200 characters, and never quotes a frame.

    A header's name is cut after 200 characters; bytes in it that are no UTF-8 are written as `\\xff`.
    `batch`: it is not one record but all of a batch, and has neither key nor value nor headers; not there for a record.
    `appended_at_ms`: when the broker appended the record, in milliseconds since 1970 (UTC).
    """

    partition: int
    offset: int
    appended_at_ms: int
    reason: QuarantineReason
    detail: str
    key: Kept | None
    value: Kept | None
    headers: tuple[tuple[str, Kept | None], ...]
    batch: KeptBatch | UnsetType = UNSET
