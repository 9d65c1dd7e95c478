"""What the offline engine says of its own accord, in the languages of the widget."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrases:
    """One language. `words` tells it from the others: frequent, short, and in no other of them."""

    unknown: str
    not_recognised: str
    declined: str
    say_more: str
    greeting: str
    anything_else: str
    goodbye: str
    well: str
    about_me: str
    words: frozenset[str]


ENGLISH = Phrases(
    unknown="I am sorry, I do not know the answer to that.",
    not_recognised="I could not find that in your message.",
    declined="All right. Is there anything else I can help you with?",
    say_more="Could you tell me a little more about what you need?",
    greeting="Hello! How can I help you today?",
    anything_else="You are welcome! Is there anything else I can help you with?",
    goodbye="Goodbye, and thank you for getting in touch.",
    well="I am well, thank you. How can I help you today?",
    about_me=(
        "I am an automated assistant. Tell me in a sentence what you need, and I will see what I "
        "can find, or bring it to a person."
    ),
    words=frozenset(
        "the is are how what where when why which do does did can could i my you your it this that "
        "to of and or for with hello hi thanks thank please not yes".split()
    ),
)
GERMAN = Phrases(
    unknown="Es tut mir leid, darauf weiß ich keine Antwort.",
    not_recognised="Das habe ich in Ihrer Nachricht nicht gefunden.",
    declined="In Ordnung. Kann ich sonst noch etwas für Sie tun?",
    say_more="Können Sie mir etwas genauer sagen, worum es geht?",
    greeting="Hallo! Wie kann ich Ihnen helfen?",
    anything_else="Gern geschehen! Kann ich sonst noch etwas für Sie tun?",
    goodbye="Auf Wiedersehen, und danke für Ihre Nachricht.",
    well="Danke, mir geht es gut. Wie kann ich Ihnen helfen?",
    about_me=(
        "Ich bin ein automatischer Assistent. Sagen Sie mir in einem Satz, was Sie brauchen: ich "
        "sehe nach, was ich finde, oder gebe es an einen Menschen weiter."
    ),
    words=frozenset(
        "der das dem den ein eine einen ist sind wie wo wann warum welche kann ich mein meine "
        "meinen sie ihr ihre und oder für mit nicht kein keine auf zu wird gibt hallo guten tag danke "
        "vielen bitte ja nein".split()
    ),
)
SPANISH = Phrases(
    unknown="Lo siento, no sé la respuesta a eso.",
    not_recognised="No lo he encontrado en su mensaje.",
    declined="De acuerdo. ¿Puedo ayudarle en algo más?",
    say_more="¿Puede decirme con más detalle qué necesita?",
    greeting="¡Hola! ¿En qué puedo ayudarle?",
    anything_else="¡De nada! ¿Puedo ayudarle en algo más?",
    goodbye="Adiós, y gracias por escribirnos.",
    well="Estoy bien, gracias. ¿En qué puedo ayudarle?",
    about_me=(
        "Soy un asistente automático. Dígame en una frase qué necesita y veré qué encuentro, o se "
        "lo pasaré a una persona."
    ),
    words=frozenset(
        "el los las un una es son cómo como qué dónde donde cuándo cuando cuánto cuanto cuánta por "
        "puedo puede yo mi mis usted su y o para con no del al lo hola gracias buenos buenas días "
        "favor sí".split()
    ),
)
FRENCH = Phrases(
    unknown="Je suis désolé, je ne connais pas la réponse à cette question.",
    not_recognised="Je ne l’ai pas trouvé dans votre message.",
    declined="Très bien. Puis-je vous aider pour autre chose ?",
    say_more="Pouvez-vous me dire plus précisément ce dont vous avez besoin ?",
    greeting="Bonjour ! Comment puis-je vous aider ?",
    anything_else="Je vous en prie ! Puis-je vous aider pour autre chose ?",
    goodbye="Au revoir, et merci de nous avoir écrit.",
    well="Je vais bien, merci. Comment puis-je vous aider ?",
    about_me=(
        "Je suis un assistant automatique. Dites-moi en une phrase ce dont vous avez besoin : je "
        "cherche ce que je peux trouver, ou je le transmets à une personne."
    ),
    words=frozenset(
        "le les des du une est sont comment où quand pourquoi quel quelle quels puis peut je mon ma "
        "mes vous votre et ou pour avec ne pas au aux ce cette il salut bonjour merci oui "
        "combien s'il plaît".split()
    ),
)

_BY_LANGUAGE = {"en": ENGLISH, "de": GERMAN, "es": SPANISH, "fr": FRENCH}
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")


def spoken(text: str, locale: str = "") -> str:
    """The language of `text`, of those that there are phrases in: "en", "de", "es" or "fr".

    The customer's words tell; where they do not, `locale` does, and else it is English.
    """
    said = _WORD.findall(text.casefold().replace("\u2019", "'"))
    preferred = locale.split("-")[0].lower()

    def heard(language: str) -> tuple[int, bool]:
        known = _BY_LANGUAGE[language].words
        return sum(word in known for word in said), language == preferred

    best = max(_BY_LANGUAGE, key=heard)
    return best if any(heard(best)) else "en"


def phrases(language: str) -> Phrases:
    """What is said in a language that `spoken` told."""
    return _BY_LANGUAGE[language]
