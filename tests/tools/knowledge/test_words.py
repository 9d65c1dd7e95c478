"""Words and stems: one analysis for queries, documents and confidence, in any language."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tools.knowledge.stop_words import STOP_WORDS
from tools.knowledge.words import LONGEST_WORD, STEMMERS, informative, stems, words

# Words -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Return an ITEM", ["return", "an", "item"]),
        ("e-mail: ann_lee@mail.example", ["e", "mail", "ann", "lee", "mail", "example"]),
        ("$12.50 (24/7)", ["12", "50", "24", "7"]),
        ("STRASSE straße", ["strasse", "strasse"]),
        ("\ufb01ne x\u00b2", ["fine", "x2"]),
        ("cafe\u0301", ["caf\u00e9"]),
        ("one\u00a0two\u3000three\n\tfour", ["one", "two", "three", "four"]),
        ("返品はできますか?", ["返品はできますか"]),
        ("", []),
        (" \0 ?! \u201c\u201d …", []),
    ],
)
def test_words_are_cut_at_all_but_letters_and_digits(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_an_apostrophe_belongs_to_a_word_only_inside_of_it() -> None:
    assert words("don't don’t rock'n'roll") == ["don't", "don't", "rock'n'roll"]
    assert words("'quoted' words' '") == ["quoted", "words"]


def test_marks_do_not_cut_a_word() -> None:
    for text in ("हिन्दी में वापसी", "ไทย ใบสั่งซื้อ", "שָׁלוֹם", "மொழி", "Việt ngữ"):
        assert len(words(text)) == len(text.split())


# Stems, a language each --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("locale", "forms"),
    [
        ("en", "return RETURNS returned returning"),
        ("", "return returns returned"),
        ("de", "Rücksendung Rücksendungen"),
        ("es", "devolución devoluciones devolucion"),
        ("es-mx", "pedido pedidos"),
        ("pt_BR", "devolvido devolvida"),
        ("ru", "возврат возврата возвратом"),
        ("", "возврат возврата возвратом"),
        ("el", "επιστροφή επιστροφής επιστροφη"),
        ("ro", "țară ţară țări"),
        ("ar", "المنتجات والمنتجات للمنتجات"),
        ("hi", "वापसी वापस"),
        ("tr", "kitap kitaplar"),
    ],
)
def test_forms_of_a_word_share_a_stem(locale: str, forms: str) -> None:
    assert len(set(stems(forms, locale))) == 1


def test_the_stems_come_in_the_order_of_the_words() -> None:
    assert stems("The kettle, the kettles") == ["the", "kettl", "the", "kettl"]


def test_accents_may_be_left_out() -> None:
    assert stems("crème", "fr") == stems("creme", "fr")
    assert stems("crème brûlée") == stems("Creme Brulee")
    assert stems("שָׁלוֹם", "he") == stems("שלום", "he")


def test_in_vietnamese_an_accent_makes_another_word() -> None:
    assert stems("trả", "vi") != stems("tra", "vi")


def test_marks_of_devanagari_are_letters() -> None:
    assert stems("वापसी") != stems("वपस")


def test_an_elided_article_is_a_word_of_its_own() -> None:
    assert stems("l'article", "fr") == ["l", "articl"]
    assert stems("dell’ordine", "it")[1] == stems("ordine", "it")[0]


def test_turkish_has_two_letters_i_and_an_apostrophe_before_case_endings() -> None:
    assert stems("KARGOLARI", "tr") == stems("kargoları", "tr")
    assert stems("İstanbul'da", "tr") == stems("istanbul", "tr")


def test_a_word_in_another_script_is_taken_by_its_script() -> None:
    assert stems("refunds", "hi") == stems("refunds", "en")
    assert stems("возврата", "en") == stems("возврата", "ru")


def test_scripts_without_spaces_are_cut_into_pairs() -> None:
    assert stems("退货政策", "zh") == ["退货", "货政", "政策"]
    assert stems("返品は", "ja") == ["返品", "品は"]
    assert stems("환불은", "ko") == ["환불", "불은"]
    assert stems("货") == ["货"]


def test_thai_marks_stay_with_the_letter_below() -> None:
    assert stems("คืนสินค้า", "th") == ["คืน", "นสิ", "สิน", "นค้", "ค้า"]


def test_scripts_may_meet_within_a_word() -> None:
    assert stems("iPhone手机", "zh") == ["iphon", "手机"]


def test_every_stemmer_named_is_there() -> None:
    assert all(stems("a", language) for language in STEMMERS)


def test_threads_do_not_mix_their_words() -> None:
    texts = [f"returning{n} kettles{n}x orders refunded deliveries{n}" for n in range(400)]
    alone = [stems(text, "de") for text in texts]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda text: stems(text, "nl"), texts))
        assert list(threads.map(lambda text: stems(text, "de"), texts)) == alone


# Codes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("SKU-1234-X", "sku1234x"),
        ("XR_500", "XR-500"),
        ("XR500", "xr 500"),
        ("e-mail", "email"),
        ("Version 14.2", "14.2"),
    ],
)
def test_a_code_is_found_whole_however_it_is_written(written: str, asked: str) -> None:
    assert set(stems(asked)) <= set(stems(written))


def test_a_code_is_found_by_its_parts_but_is_more_than_them() -> None:
    assert {"sku", "1234", "x"} < set(stems("SKU-1234-X"))
    assert set(stems("SKU-1234-X")) - set(stems("SKU 1234 X"))


def test_a_code_is_not_stemmed() -> None:
    assert "a5ed" in stems("A5ED")


def test_a_key_has_no_parts() -> None:
    assert stems("9f86d081884c7d659a2feaa0c55ad015") == ["9f86d081884c7d659a2feaa0c55ad015"]


def test_a_word_that_nobody_types_has_no_stem() -> None:
    assert stems("a" * (LONGEST_WORD + 1) + " kettle") == ["kettl"]


def test_no_word_is_the_syntax_of_a_query_language() -> None:
    hostile = 'title:"kettle" AND (lid OR -body)^2 ~1 [a TO *] \\ \ud800'
    assert set("".join(stems(hostile))) <= set("abcdefghijklmnopqrstuvwxyz0123456789")


# Stop words --------------------------------------------------------------------------------------


def test_only_the_words_of_the_topic_inform_and_each_once() -> None:
    assert informative("Hello, what is your return policy, please?") == ["return", "polici"]
    assert informative("return returns RETURNING a return") == ["return"]


@pytest.mark.parametrize(
    ("locale", "question", "topic"),
    [
        ("de", "Wie kann ich bitte meine Bestellung stornieren?", "Bestellung stornieren"),
        ("es", "¿Cómo puedo cancelar mi pedido, por favor?", "cancelar pedido"),
        ("es", "como puedo cancelar mi pedido", "cancelar pedido"),
        ("fr", "Comment puis-je annuler l'abonnement ?", "annuler abonnement"),
        ("ru", "Как мне вернуть товар?", "вернуть товар"),
        ("", "Как мне вернуть товар?", "вернуть товар"),
        ("el", "Πώς μπορώ να ακυρώσω την παραγγελία μας", "ακυρώσω παραγγελία"),
        ("zh", "退货需要多少钱吗", "退货需要 钱"),
        ("", "退货需要多少钱吗", "退货需要 钱"),
        ("th", "คืนสินค้าได้อย่างไร", "คืนสินค้า"),
        ("th", "ทำไมคืนสินค้า", "คืนสินค้า"),
    ],
)
def test_each_language_has_its_own_words_without_a_topic(
    locale: str, question: str, topic: str
) -> None:
    assert informative(question, locale) == stems(topic, locale)


def test_what_people_ask_about_is_no_stop_word() -> None:
    for word, locale in (("cuenta", "es"), ("account", "en"), ("Konto", "de"), ("compte", "fr")):
        assert informative(word, locale) and word.casefold() not in STOP_WORDS[locale]


def test_where_no_word_has_a_topic_all_of_them_count() -> None:
    assert informative("who are you?") == ["who", "are", "you"]
    assert informative("?!") == []


def test_stop_words_are_written_as_words_come_out() -> None:
    for language, listed in STOP_WORDS.items():
        assert [word for word in listed if len(words(word)) != 1] == [], language
