"""Which questions mean the same."""

import random
import time
from datetime import UTC, datetime

import numpy as np
import pytest

from tools.knowledge.gaps.grouping import Groups, Meaning, meanings
from tools.knowledge.models import Gap

pytestmark = pytest.mark.any_storage

NOW = datetime(2026, 3, 1, tzinfo=UTC)

ENGLISH = [
    [
        "Do you ship to Norway?",
        "Is delivery to Norway possible with you?",
        "do you deliver to Norway",
    ],
    ["Can I pay with Klarna?", "do you accept klarna", "Is Klarna a payment method of yours?"],
    ["Is the kettle dishwasher safe?", "may I put the kettle into the dishwasher"],
    ["How heavy is the cast iron pan?", "What is the weight of the cast iron pan?"],
]
OTHERS = {
    "de": [
        ["Liefern Sie nach Norwegen?", "Liefern Sie auch nach Norwegen?"],
        ["Kann ich mit Klarna bezahlen?", "Mit Klarna bezahlen möglich?"],
    ],
    "zh": [
        ["可以用支付宝付款吗？", "能不能用支付宝付款"],
        ["水壶可以放进洗碗机吗？", "水壶可以用洗碗机吗"],
    ],
    "hi": [
        ["क्या मैं पेटीएम से भुगतान कर सकता हूँ?", "पेटीएम भुगतान स्वीकार करते हैं?"],
        ["क्या केतली डिशवॉशर में धो सकते हैं?", "डिशवॉशर में केतली"],
    ],
}


def grouped(questions: list[str], locale: str = "en") -> list[list[str]]:
    """The groups that questions fall into in this order."""
    groups, members = Groups(), dict[int, list[str]]()
    for question, meaning in zip(questions, meanings(questions, locale), strict=True):
        gap = groups.nearest(meaning)
        if gap is None:
            gap = Gap(pk=len(members) + 1, title=question, first_at=NOW, last_at=NOW)
        groups.add(gap, meaning)
        members.setdefault(gap.pk, []).append(question)
    return list(members.values())


@pytest.mark.parametrize("seed", range(5))
def test_questions_that_mean_the_same_come_together_in_any_order(seed: int) -> None:
    questions = [question for group in ENGLISH for question in group]
    random.Random(seed).shuffle(questions)
    found = {frozenset(group) for group in grouped(questions)}
    assert found == {frozenset(group) for group in ENGLISH}


@pytest.mark.parametrize("locale", OTHERS)
def test_so_they_do_where_embeddings_tell_little(locale: str) -> None:
    questions = [question for group in OTHERS[locale] for question in group]
    assert grouped(questions, locale) == OTHERS[locale]


def test_words_that_every_question_has_pull_nothing_together() -> None:
    nothing = np.zeros(256, dtype=np.float32)
    asked = Meaning(nothing, frozenset({"juniper", "oak"}))
    groups = Groups()
    for number in range(200):
        about = Meaning(nothing, frozenset({"juniper", "oak", f"thing{number}"}))
        groups.add(Gap(pk=number), about)
    assert groups.nearest(asked) is None
    assert Groups([Gap(pk=1, centre=nothing.tobytes(), stems={"juniper": 1, "oak": 1})]).nearest(
        asked
    ), "among the first questions nothing is known to be common"


def test_what_was_masked_makes_nothing_alike() -> None:
    said = ["Klarna [email] [order number] [name]", "Norway [email] [order number] [name]"]
    assert len(grouped(said)) == 2


def test_a_question_without_any_word_that_is_known_is_a_group_of_its_own() -> None:
    assert grouped(["qwzx", "Do you ship to Norway?", "qwzx"]) == [
        ["qwzx", "qwzx"],
        ["Do you ship to Norway?"],
    ]


def test_groups_that_were_stored_go_on_as_they_were() -> None:
    first, second = meanings(ENGLISH[0][:2], "en")
    gap = Gap(pk=7, first_at=NOW, last_at=NOW)
    Groups().add(gap, first)
    stored = Gap(pk=7, centre=bytes(gap.centre), stems=dict(gap.stems))
    assert Groups([stored]).nearest(second) == stored
    assert Groups([stored]).nearest(meanings(["Can I pay with Klarna?"], "en")[0]) is None


def test_three_thousand_questions_take_seconds() -> None:
    chance = random.Random(7)
    syllables = "ba de fi go lu ma ne pi ro su ta ve".split()
    words = ["".join(chance.choices(syllables, k=4)) for _ in range(2000)]
    questions = [f"the {' '.join(chance.choices(words, k=4))} lamp" for _ in range(3000)]
    started = time.thread_time()
    grouped(questions)
    assert time.thread_time() - started < 15, "four seconds, not counting what others take"
