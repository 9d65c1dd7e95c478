"""What the scripted model answers, and how a mixture of two answers is told from one."""

from random import Random

from chaos.script import Kind, Question, is_mixed, is_whole

QUESTION = Question("kills-7", Kind.TICKET, 1.4)


def test_a_question_is_read_from_a_customers_words() -> None:
    assert Question.read(f"Hello! {QUESTION.text} Thanks.") == QUESTION


def test_other_words_hold_no_question() -> None:
    assert Question.read("Where is my order?") is None


def test_the_same_seed_asks_the_same() -> None:
    drawn = [[Question.drawn(Random(5), "k") for _ in range(20)] for _ in range(2)]
    assert drawn[0] == drawn[1]


def test_an_attempts_whole_answer_is_whole() -> None:
    assert is_whole(QUESTION, " ".join(QUESTION.words(3)))


def test_half_an_answer_is_not() -> None:
    assert not is_whole(QUESTION, " ".join(QUESTION.words(3)[:-1]))


def test_nor_one_made_of_two_attempts() -> None:
    words = QUESTION.words(3)[:5] + QUESTION.words(4)[5:]
    assert not is_whole(QUESTION, " ".join(words))


def test_a_beginning_of_two_attempts_is_mixed() -> None:
    assert is_mixed(" ".join(QUESTION.words(3)[:2] + QUESTION.words(4)[2:4]))
    assert not is_mixed(" ".join(QUESTION.words(3)[:4]))


def test_nor_another_questions_answer() -> None:
    other = Question("kills-8", Kind.TICKET, 1.4)
    assert not is_whole(QUESTION, " ".join(other.words(3)))


def test_one_ticket_is_opened_where_a_ticket_is_asked_for() -> None:
    assert [Question("k", kind, 1).tickets for kind in Kind] == [0, 1, 1, 0]


def test_of_several_questions_that_are_answered_together_the_newest_is_meant() -> None:
    older, newer = Question("a-1", Kind.PLAIN, 1.0), Question("a-2", Kind.PLAIN, 1.0)
    assert Question.read(f"{older.text}\n\n{newer.text}") == newer
