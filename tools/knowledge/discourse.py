"""How sentences hang together, by their words: what cannot begin an answer, what belongs to its
neighbour, and what only points elsewhere.

In the languages that most help centres are written in. A language that is missing loses polish, not
answers.
"""

import re

COLONS = (":", "\uff1a")

_RUN_ON = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]")


def _any(phrases: str) -> str:
    """An alternative of phrases, which commas part, as whole words in scripts that have them."""
    listed = sorted((" ".join(phrase.split()) for phrase in phrases.split(",")), key=len)
    written = [re.escape(phrase) for phrase in reversed(listed) if phrase]
    apart = "|".join(phrase for phrase in written if not _RUN_ON.search(phrase))
    run_on = [phrase for phrase in written if _RUN_ON.search(phrase)]
    return "(?:" + "|".join([f"(?:{apart})(?![^\\W_])", *run_on]) + ")"


_NOTE = re.compile(
    "(?:- )?"
    + _any(
        """
        note, tip, hint, important, warning, caution, attention,
        Hinweis, Tipp, Wichtig, Achtung, Warnung, Vorsicht,
        nota, consejo, importante, advertencia, atención, aviso, precaución,
        remarque, conseil, astuce, avertissement, attenzione, suggerimento, avviso,
        dica, atenção, observação, let op, opmerking, uwaga, внимание, примечание, важно, совет,
        नोट, ध्यान दें, चेतावनी, महत्वपूर्ण, 注意, 提示, 重要, 警告, 备注, 注記, ヒント, メモ, 참고, 주의,
        หมายเหตุ, คำเตือน, ข้อควรระวัง, เคล็ดลับ
        """
    )
    + r"\s*[:!\uff1a\uff01]",
    re.I,
)

_ANNOUNCES = re.compile(
    r"(?<![^\W_])"
    + _any(
        """
        following, as follows, below, these steps, here is how, here's how, here’s how,
        folgende, folgenden, folgendes, wie folgt, unten, diese Schritte, so geht's,
        siguiente, siguientes, a continuación, estos pasos,
        suivant, suivante, suivants, suivantes, ci-dessous, voici,
        seguente, seguenti, di seguito, seguinte, seguintes, abaixo, volgende, hieronder,
        निम्न, निम्नलिखित, नीचे, 以下, 如下, 下列, 次の, 下記, ดังนี้, ต่อไปนี้, 다음
        """
    ),
    re.I,
)

_ELSEWHERE = re.compile(
    _any(
        """
        for more information, for further information, for additional information, for more details,
        for details, for more help, learn more, to learn more, to learn about, read more, see also,
        more information, related information, related articles, related topics,
        weitere Informationen, mehr Informationen, mehr dazu, mehr erfahren, siehe auch, Näheres,
        para más información, para obtener más información, más información, véase también,
        ver también, consulte también,
        pour plus d, pour plus de, pour davantage d, pour en savoir plus, en savoir plus, voir aussi,
        voir également, per ulteriori informazioni, per maggiori informazioni, vedi anche,
        para mais informações, para obter mais informações, saiba mais, veja também,
        meer informatie, zie ook, подробнее, см. также, अधिक जानकारी, यह भी देखें,
        更多信息, 了解更多, 有关详细信息, 另请参阅, 詳細については, 詳細は, 関連項目, ดูเพิ่มเติม
        """
    ),
    re.I,
)

_LEANS_BACK = re.compile(
    _any(
        """
        it, its, they, their, them, he, she, this, that, these, those, such, then, otherwise, however,
        instead, therefore, also, but, and, or, so, in this case, in that case, in these cases,
        in such cases, in both cases, this way, for this reason, as a result, after this, after that,
        the same, the latter, the former, both, neither, either, if so, if not, if it, if they,
        er, dies, diese, dieser, dieses, diesen, dann, danach, daher, deshalb, außerdem,
        jedoch, aber, und, oder, sonst, stattdessen, in diesem Fall, dadurch, dazu, dabei, beide,
        este, esta, esto, estos, estas, ese, esa, eso, esos, esas, ellos, ellas, además, sin embargo,
        pero, y, o, entonces, luego, por lo tanto, por eso, en este caso, en ese caso, también, ambos,
        de lo contrario,
        il, elle, ils, elles, cela, ceci, ce, cet, cette, ces, c'est, c’est, de plus, cependant,
        toutefois, mais, et, ou, alors, ensuite, sinon, dans ce cas, par conséquent, aussi,
        esso, essi, questo, questa, questi, queste, ciò, inoltre, tuttavia, ma, in questo caso,
        ele, ela, eles, elas, isto, isso, além disso, no entanto, mas, neste caso,
        यह, वह, ये, वे, इस, इसे, इसके, इन, लेकिन, और, तब, फिर, अन्यथा,
        它, 他们, 她, 这, 那, 此, 该, 但, 而且, 因此, 所以, 然后, 否则, 同时,
        これ, それ, この, その, しかし, ただし, また, そして, なお, มัน, แต่, และ, ดังนั้น, หรือ, นอกจากนี้
        """
    ),
    re.I,
)


_SAYS_WHETHER = re.compile(
    "(?:"
    + _any(
        """
        yes, no, ja, nein, doch, sí, si, oui, non, sì, sim, não, nee, да, нет, हाँ, हां, नहीं,
        是, 是的, 不, 不是, 可以, はい, いいえ, ใช่, ไม่, 네, 아니요
        """
    )
    + r")\W*",
    re.I,
)


def is_note(text: str) -> bool:
    """Whether a text is a note or a warning, by the word it begins with."""
    return bool(_NOTE.match(text))


def says_whether(sentence: str) -> bool:
    """Whether a sentence is a mere "Yes." or "No."."""
    return bool(_SAYS_WHETHER.fullmatch(sentence))


def announces(sentence: str) -> bool:
    """Whether a sentence speaks of what comes after it: "The following table lists the fees."."""
    return bool(_ANNOUNCES.search(sentence))


def points_elsewhere(sentence: str) -> bool:
    """Whether a sentence only says where more is written: "For more information, see Returns."."""
    return bool(_ELSEWHERE.match(sentence))


def leans_back(sentence: str) -> bool:
    """Whether a sentence begins with a word for what the one before it named: "They", "Otherwise"."""
    return bool(_LEANS_BACK.match(sentence))
