"""Languages: told offline, and only where the text tells."""

import pytest

from tools.knowledge.languages import base, detect


@pytest.mark.parametrize(
    ("locale", "language"),
    [("pt-br", "pt"), ("pt_BR", "pt"), ("EN", "en"), ("", ""), ("zh-Hant-TW", "zh")],
)
def test_the_base_of_a_locale_is_its_language(locale: str, language: str) -> None:
    assert base(locale) == language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("A refund goes to your card. Refunds take five business days.", "en"),
        ("Die Rückerstattung erfolgt innerhalb von fünf Werktagen auf Ihre Karte.", "de"),
        ("El reembolso llega a su tarjeta en cinco días hábiles.", "es"),
        ("Возврат денег на карту занимает пять рабочих дней.", "ru"),
        ("वापसी का पैसा पाँच दिनों में आपके कार्ड पर आता है।", "hi"),
        ("退款将在五个工作日内退回到您的卡上。", "zh"),
        ("返金は五営業日以内にカードに行われます。", "ja"),
        ("เงินคืนจะเข้าบัตรของคุณภายในห้าวันทำการ", "th"),
        ("Tiền hoàn lại sẽ về thẻ của bạn trong năm ngày làm việc.", "vi"),
    ],
)
def test_a_sentence_tells_its_language(text: str, language: str) -> None:
    assert detect(text) == language


def test_what_does_not_tell_gets_the_default() -> None:
    for text in ("", "  ", "12.50", "SKU-1234", "Kettles", "\0"):
        assert detect(text, "en") == "en"
        assert detect(text) == ""


def test_half_a_character_breaks_nothing() -> None:
    assert detect("A refund goes to your card \ud800 within five business days.") == "en"
