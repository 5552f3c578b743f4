"""A corrected tariff where workers process the messages: the office sees the charges of all lanes and notes its decisions, and
each lane takes up its own.
"""

from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from random import Random

from sqlalchemy import Engine

from streams.log import Stream
from tests.one_result.digests import Result, assert_same
from tests.one_result.lane_world import PARTITIONS, World, emptied
from tests.one_result.network import STATIONS, corrected, facts
from tests.one_result.pure_fold import Input, fold
from tests.one_result.test_lanes import publish, topic_of
from tests.one_result.traffic import sequence, visits
from vocabulary.codec import decode
from vocabulary.reference import RulesAdopted, SessionDecided
from vocabulary.rules import RULES
from vocabulary.sessions import ChargeReversed, ReversalReason
from wattbook.comparing import compare
from wattbook.database import reading
from wattbook.publishing_tariffs import publish as publish_tariff
from wattbook.publishing_tariffs import question
from wattbook.rerating import Changes, found, rerate
from wattbook.settings import Settings, read_settings
from wattbook.wiring import VERBS, App, log_on

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def test_what_lanes_charged_is_re_rated_lane_by_lane(engine: Engine, tmp_path: Path) -> None:
    random, known = Random(5), [*chain(*facts()), RulesAdopted(number=RULES)]
    messages = sequence(random, visits(random, sorted(STATIONS), 1))
    publish(emptied(engine), known)
    world, story = World(engine, topic_of(messages), VERBS), list[Input]([*known, *messages])
    world.drain()
    settings = read_settings(home=tmp_path, log="kafka://127.0.0.1:1", database="postgresql://h/d", kafka_partitions=PARTITIONS)
    app = App(settings, engine)
    changes = changes_of(app, settings)
    assert not app.runtime.concludes_at_once
    assert changes.sums.counts["changed"] > 5
    publish_tariff(app, [corrected()])
    noted = rerate(app, changes, "a cent too low", "Ada", NOW, lambda _: None)
    assert noted == changes.sums.counts["changed"]
    world.drain()
    assert_same(fold([*story, corrected(), *decisions_in(engine)]), world.result(), "the lanes")
    assert len(re_rated(world.result())) == noted
    assert changes_of(app, settings).sums.counts["changed"] == 0


def changes_of(app: App, settings: Settings) -> Changes:
    return found(compare(settings, app, question([corrected()], [corrected()])), lambda _: None)


def decisions_in(engine: Engine) -> list[SessionDecided]:
    with reading(engine) as connection:
        stored = log_on(connection).read((Stream.REFERENCE,), 0, 10_000)
    return [event for each in stored if isinstance(event := decode(each.body), SessionDecided)]


def re_rated(result: Result) -> list[ChargeReversed]:
    reversed_ = (event for body in result.conclusions.elements() if isinstance(event := decode(body), ChargeReversed))
    return [each for each in reversed_ if each.reason is ReversalReason.RERATED]
