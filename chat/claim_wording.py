"""How answers claim that something was done: in English, German, Spanish and French.

A claim is a marker of who did it ("I have", "wurde"), a form of a verb and an object, in one clause.
Which verb goes with which object is a row of `GROUPS`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass


def _any(words: str) -> re.Pattern[str]:
    """Any of the words, which are separated by spaces; `_` stands for a space within one."""
    ordered = sorted(words.split(), key=len, reverse=True)
    joined = "|".join(word.replace("_", r"\s+") for word in ordered)
    return re.compile(rf"(?<![\w-])(?:{joined})(?![\w-])")


@dataclass(frozen=True, eq=False)
class Group:
    """Verbs, by form, and objects that together say that one kind of action was done. `firsts` are
    the first words of the verbs."""

    action: str
    verbs: Mapping[str, re.Pattern[str]]
    objects: re.Pattern[str]
    firsts: frozenset[str]


def _group(action: str, objects: str, **forms: str) -> Group:
    firsts = frozenset(verb.split("_")[0] for verbs in forms.values() for verb in verbs.split())
    return Group(action, {form: _any(v) for form, v in forms.items()}, _any(objects), firsts)


@dataclass(frozen=True, eq=False)
class Language:
    """How one language claims.

    `active` are markers of a doer, each with the form of the verb that follows (None for a verb that
    says who did it); `passive` ones go with the forms `done` and `stated`,
    never with `acted`. `governs` ends right
    before a claim that is a condition; `sympathy` takes up what the customer said; `denies` is a
    negation; `parts` is what a doer's verb cannot be reached across.
    """

    code: str
    active: tuple[tuple[re.Pattern[str] | None, str], ...]
    passive: re.Pattern[str]
    governs: re.Pattern[str]
    sympathy: re.Pattern[str]
    denies: re.Pattern[str]
    parts: re.Pattern[str]
    groups: tuple[Group, ...]


def _governing(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{words})(?:\s+[\w'-]+){{0,3}}\s*$")


_TEAM = (
    "team colleague colleagues specialist specialists department manager supervisor warehouse carrier"
    " staff technician technicians support"
)
_CASE = (
    "ticket tickets case complaint request report claim issue matter inquiry enquiry concern problem"
    " message details"
)

_ENGLISH_DOER = re.compile(
    r"\b(?P<own>i)(?:'ve| have|'d)?(?= )|\b(?:we)(?:'ve| have)?(?= )"
    r"|\b(?:our|the|my) (?:\w+ )?(?:team|colleagues?|manager|system|staff)(?:'s| has| have)?(?= )"
    # A headline, "Cancelled your order": the verb comes first.
    r"|(?P<first>^\W*(?:done\W+|great news\W+)?)(?=[a-z]+ (?:your|a|an|the|it)\b)"
)

ENGLISH = Language(
    code="en",
    active=(
        (_ENGLISH_DOER, "done"),
        (_ENGLISH_DOER, "acted"),
        (re.compile(r"\b(?:i'm|i am|we're|we are)(?= )"), "doing"),
        (
            re.compile(
                r"\b(?:i|we) (?:was|were|have been|managed) (?:able )?to\b|\b(?:i|we)'ve been able to\b"
            ),
            "do",
        ),
    ),
    passive=re.compile(
        r"\b(?:(?:has|have)(?: now| just| already| also| successfully)? been|was|were"
        r"|(?:is|are) (?:now|already|being)|'s been|'ve been)\b"
        # "A refund is issued within a week" is a rule, "your order is cancelled" a fact.
        r"|\b(?:your [\w #-]{1,30}?|ticket \S{1,20}) is(?= (?:open|cancell?ed|changed|updated|refunded)\b)"
        r"|\byou are(?= connected\b)"
    ),
    governs=_governing(
        "if|once|when|whenever|after|before|until|unless|as soon as|in case|whether|while|where|how|why"
        "|every time"
    ),
    sympathy=re.compile(
        r"\b(?:sorry|understand|hear|apologi[sz]e|regret|you (?:say|said|mention\w*|wrote|told|report\w*))\b"
        r"|^\W*(?:if|once|unless|as soon as|whenever)\b"
    ),
    denies=re.compile(r"\b(?:not|no|never|nothing|none|neither|cannot|without|\w+n't)\b"),
    parts=re.compile(
        r"\b(?:you|they|he|she|who|which|that|if|to|can|could|may|might|must|should|shall|would|will"
        r"|was|were|been|be|is|are|want|need|when|once|whether)\b"
    ),
    groups=(
        _group(
            "ticket",
            "ticket tickets case complaint request report claim",
            done="opened created raised filed submitted logged registered lodged",
            stated="open",
            doing="opening creating raising filing submitting logging registering",
            do="open create raise file submit log register",
        ),
        _group(
            "ticket",
            f"{_CASE} it this that everything {_TEAM}",
            done="escalated forwarded passed flagged reported referred",
            doing="escalating forwarding passing flagging reporting",
            do="escalate forward pass flag report",
        ),
        _group(
            "ticket",
            _TEAM,
            done="notified informed alerted told contacted asked",
            doing="notifying informing alerting contacting",
            do="notify inform alert contact",
        ),
        _group(
            "order",
            "order orders subscription booking purchase address item items shipment delivery parcel package"
            " account it them both slot quantity size",
            done="cancelled canceled changed updated modified amended edited adjusted corrected stopped"
            " rerouted redirected rescheduled upgraded",
            doing="cancelling canceling changing updating modifying amending stopping rerouting",
            do="cancel change update modify amend stop reroute reschedule",
        ),
        _group(
            "order",
            "order replacement item items",
            acted="placed reordered added removed arranged taken_care_of",
            doing="placing adding removing arranging",
            do="place add remove arrange",
        ),
        _group(
            "order",
            "change changes correction update cancellation",
            acted="made put_in put_through taken_care_of submitted requested",
            doing="making",
            do="make",
        ),
        _group(
            "order",
            "cancellation request",
            done="processed completed",
            doing="processing",
            do="process complete",
        ),
        _group(
            "refund",
            "refund refunds reimbursement credit compensation voucher",
            acted="put_in put_through taken_care_of sorted submitted",
            done="issued processed initiated approved made started arranged requested granted completed"
            " applied triggered credited",
            doing="issuing processing initiating approving arranging",
            do="issue process initiate approve arrange",
        ),
        _group(
            "refund",
            "you your order payment money amount purchase it fee charge price",
            done="refunded reimbursed credited",
            doing="refunding reimbursing",
            do="refund reimburse",
        ),
        _group(
            "email",
            "email e-mail mail confirmation link label message invoice receipt instructions copy code",
            done="sent resent re-sent forwarded",
            doing="sending resending",
            do="send resend",
        ),
        _group(
            "email",
            "you",
            done="emailed e-mailed",
            doing="emailing e-mailing",
            do="email e-mail",
        ),
        _group(
            "handover",
            "you chat conversation colleague agent person representative",
            done="connected transferred joined",
            doing="connecting transferring",
            do="connect transfer",
        ),
        _group(
            "callback",
            "callback call-back call appointment visit pickup pick-up collection",
            done="booked scheduled arranged requested organised organized",
            doing="booking scheduling arranging",
            do="book schedule arrange",
        ),
    ),
)

GERMAN = Language(
    code="de",
    active=(
        (
            re.compile(
                r"\b(?:(?P<own>ich)|wir|unser team|unsere \w+|ein kollege|eine kollegin) (?:habe|haben|hat)\b"
                r"|\b(?:habe|haben) (?:ich|wir)\b"
            ),
            "done",
        ),
        (re.compile(r"\b(?P<own>ich)\b"), "doing"),
        (re.compile(r"\bwir\b"), "doing"),
    ),
    passive=re.compile(r"\b(?:wurden?|ist|sind|worden)\b"),
    governs=_governing("wenn|falls|sobald|nachdem|bevor|ob|sofern|wie|solange|bis"),
    sympathy=re.compile(
        r"\b(?:leid|verstehe|bedauere?|sie (?:sagen|schreiben|berichten))\b|^\W*(?:wenn|falls|sobald)\b"
    ),
    denies=re.compile(r"\b(?:nicht|kein\w*|nie|niemals|nichts|ohne|weder)\b"),
    parts=re.compile(r"\b(?:wenn|falls|ob|zu|damit|würde|könnte|kann|werde)\b"),
    groups=(
        _group(
            "ticket",
            "ticket support-ticket supportticket fall anfrage anliegen beschwerde vorgang reklamation"
            " meldung problem es das",
            done="eröffnet geöffnet erstellt angelegt aufgemacht eingereicht erfasst weitergeleitet"
            " weitergegeben eskaliert gemeldet",
            stated="offen",
            doing="eröffne öffne erstelle lege leite eskaliere",
        ),
        _group(
            "ticket",
            "team kollegen kollege kollegin abteilung lager kundenservice fachabteilung",
            done="informiert benachrichtigt verständigt kontaktiert",
            doing="informiere benachrichtige",
        ),
        _group(
            "order",
            "bestellung bestellungen auftrag lieferadresse adresse rechnungsadresse anschrift lieferung abo"
            " abonnement artikel sendung paket konto",
            done="storniert geändert aktualisiert angepasst abgebrochen umgeleitet widerrufen korrigiert"
            " gekündigt gestoppt",
            doing="storniere ändere aktualisiere",
        ),
        _group(
            "order",
            "stornierung änderung kündigung adressänderung",
            done="durchgeführt vorgenommen veranlasst bearbeitet ausgeführt",
            doing="veranlasse",
        ),
        _group(
            "refund",
            "erstattung rückerstattung gutschrift",
            done="veranlasst ausgelöst angewiesen eingeleitet genehmigt bearbeitet vorgenommen ausgestellt"
            " durchgeführt",
            doing="veranlasse",
        ),
        _group(
            "refund",
            "betrag geld kaufpreis bestellung zahlung summe",
            done="erstattet zurückerstattet überwiesen gutgeschrieben zurückgezahlt",
            doing="erstatte überweise",
        ),
        _group(
            "email",
            "e-mail email mail bestätigung link etikett rücksendeetikett nachricht rechnung",
            done="gesendet geschickt verschickt versendet versandt zugesandt zugeschickt gemailt",
            doing="sende schicke",
        ),
        _group(
            "handover",
            "sie dich",
            done="verbunden durchgestellt weitergeleitet weiterverbunden",
            doing="verbinde",
        ),
        _group(
            "callback",
            "rückruf anruf termin abholung",
            done="vereinbart gebucht eingetragen geplant angefordert veranlasst eingerichtet",
            doing="buche vereinbare",
        ),
    ),
)


def _bent(stems: str) -> str:
    """Spanish participles in gender and number."""
    return " ".join(f"{stem}{end}" for stem in stems.split() for end in ("o", "a", "os", "as"))


SPANISH = Language(
    code="es",
    active=(
        (
            re.compile(
                r"(?<!\w)(?:(?P<own>he)|hemos|(?:nuestro equipo|un compañero|una compañera) ha)(?!\w)"
            ),
            "done",
        ),
        (re.compile(r"\b(?:acabo|acabamos) de\b"), "do"),
        (re.compile(r"\b(?:estoy|estamos)\b"), "doing"),
        (None, "did"),
    ),
    passive=re.compile(
        r"(?<!\w)(?:(?:ha|han) (?:sido|quedado)|fue|fueron|está|están|queda|se ha|se han|ya ha sido)(?!\w)"
    ),
    governs=_governing(
        "si|cuando|una vez|después de que|en cuanto|antes de que|tras|hasta que|como"
    ),
    sympathy=re.compile(
        r"\b(?:lamento|siento|entiendo|comprendo|usted (?:dice|indica))\b"
        r"|^\W*(?:si|cuando|una vez|en cuanto)\b"
    ),
    denies=re.compile(r"\b(?:no|ningún|ninguna|ninguno|nunca|nada|sin|tampoco)\b"),
    parts=re.compile(r"\b(?:si|usted|que|para|puede|podría)\b"),
    groups=(
        _group(
            "ticket",
            "ticket tíquet tique caso incidencia reclamación solicitud consulta queja",
            done=_bent(
                "abiert cread registrad generad escalad derivad remitid pasad trasladad reenviad presentad"
            ),
            do="abrir crear registrar escalar derivar",
            doing="abriendo creando registrando escalando",
            did="abrí abrimos creé creamos registré escalé escalamos",
        ),
        _group(
            "ticket",
            "equipo compañeros departamento almacén",
            done=_bent("informad avisad notificad contactad"),
            do="informar avisar notificar",
            doing="informando avisando",
            did="informé avisé notifiqué",
        ),
        _group(
            "order",
            "pedido orden dirección compra suscripción envío entrega cuenta artículo",
            done=_bent("cancelad anulad modificad cambiad actualizad corregid"),
            do="cancelar anular modificar cambiar actualizar",
            doing="cancelando anulando modificando cambiando actualizando",
            did="cancelé cancelamos anulé anulamos modifiqué cambié actualicé actualizamos",
        ),
        _group(
            "order",
            "cancelación anulación cambio modificación",
            done=_bent("procesad realizad efectuad tramitad hech"),
            do="procesar realizar tramitar",
            doing="procesando realizando tramitando",
            did="procesé realicé tramité",
        ),
        _group(
            "refund",
            "reembolso devolución dinero importe abono compensación",
            done=_bent(
                "emitid procesad tramitad realizad efectuad iniciad reembolsad devuelt abonad aprobad"
            ),
            do="emitir procesar tramitar realizar reembolsar",
            doing="emitiendo procesando tramitando",
            did="emití procesé tramité realicé reembolsé",
        ),
        _group(
            "email",
            "correo email e-mail mensaje confirmación enlace etiqueta factura",
            done=_bent("enviad mandad reenviad"),
            do="enviar mandar",
            doing="enviando mandando",
            did="envié enviamos mandé",
        ),
        _group(
            "handover",
            "agente compañero compañera persona asesor asesora operador usted le lo la te",
            done=_bent("conectad transferid comunicad"),
            do="conectar transferir",
            doing="conectando transfiriendo",
            did="conecté transferí",
        ),
        _group(
            "callback",
            "llamada cita recogida",
            done=_bent("programad agendad reservad concertad solicitad"),
            do="programar agendar reservar",
            doing="programando agendando",
            did="programé agendé reservé",
        ),
    ),
)


def _agreed(participles: str) -> str:
    """French participles in gender and number."""
    return " ".join(f"{word}{end}" for word in participles.split() for end in ("", "e", "s", "es"))


FRENCH = Language(
    code="fr",
    active=(
        (
            re.compile(
                r"(?<!\w)(?:(?P<own>j'ai|je (?:vous |l'|les )?ai)|nous (?:vous )?avons|notre équipe a"
                r"|un collègue a)(?!\w)"
            ),
            "done",
        ),
        (re.compile(r"\b(?:je viens|nous venons) (?:de |d')(?:vous )?"), "do"),
        (re.compile(r"\b(?:je|nous) (?:vous )?"), "doing"),
    ),
    passive=re.compile(
        r"(?<!\w)(?:(?:a|ont)(?: bien| déjà)? été|est(?: bien| désormais| maintenant| déjà)?|vient d'être"
        r"|êtes(?: maintenant| désormais)?)(?!\w)"
    ),
    governs=_governing("si|une fois|lorsque|quand|après que|dès que|avant que|comment"),
    sympathy=re.compile(
        r"\b(?:désolée?|comprends|regrette|vous (?:dites|indiquez))\b"
        r"|^\W*(?:si|une fois|lorsque|dès que|quand)\b"
    ),
    denies=re.compile(r"(?<!\w)(?:n'|ne\b|pas\b|aucune?\b|jamais\b|rien\b|sans\b)"),
    parts=re.compile(r"\b(?:si|que|qui|pour|peux|pouvez|pouvons|puis|vais)\b"),
    groups=(
        _group(
            "ticket",
            "ticket dossier demande réclamation plainte signalement problème",
            done=_agreed(
                "ouvert créé enregistré déposé transmis transféré escaladé remonté signalé"
            ),
            do="ouvrir créer enregistrer transmettre",
            doing="ouvre crée transmets",
        ),
        _group(
            "ticket",
            "équipe collègues collègue service entrepôt",
            done=_agreed("informé prévenu averti notifié contacté"),
            do="informer prévenir avertir",
            doing="informe préviens",
        ),
        _group(
            "order",
            "commande adresse livraison abonnement achat compte article colis",
            done=_agreed("annulé modifié changé corrigé") + " mis_à_jour mise_à_jour",
            do="annuler modifier changer",
            doing="annule modifie change",
        ),
        _group(
            "order",
            "annulation modification changement",
            done=_agreed("effectué traité enregistré") + " prise_en_compte",
            do="effectuer traiter",
            doing="effectue",
        ),
        _group(
            "refund",
            "remboursement avoir montant argent somme dédommagement",
            done=_agreed(
                "effectué émis lancé traité initié remboursé crédité validé accordé déclenché"
            ),
            do="effectuer émettre lancer traiter rembourser",
            doing="effectue lance rembourse",
        ),
        _group(
            "email",
            "e-mail email courriel mail message confirmation lien étiquette facture",
            done=_agreed("envoyé adressé renvoyé"),
            do="envoyer adresser",
            doing="envoie adresse",
        ),
        _group(
            "handover",
            "vous conseiller conseillère agent collègue personne",
            done=_agreed("connecté transféré mis_en_relation") + " en_relation",
            do="transférer mettre_en_relation",
            doing="transfère mets_en_relation connecte",
        ),
        _group(
            "callback",
            "rappel appel rendez-vous enlèvement",
            done=_agreed("programmé planifié réservé prévu organisé fixé demandé"),
            do="programmer planifier réserver",
            doing="programme planifie réserve",
        ),
    ),
)

LANGUAGES = (ENGLISH, GERMAN, SPANISH, FRENCH)

STATES: Mapping[str, re.Pattern[str]] = {
    "cancelled": re.compile(r"cancell?ed|storniert|abgebrochen|gekündigt|cancelad|anulad|annulé"),
    "refunded": re.compile(
        r"refund|reimburs|credited|erstatt|gutgeschrieben|reembols|abonad|rembours|crédité"
    ),
    "changed": re.compile(
        r"changed|updated|modified|amended|corrected|geändert|aktualisiert|angepasst|modificad|cambiad"
        r"|actualizad|modifié|changé|mise? à jour"
    ),
    "open": re.compile(r"\bopen|created|eröffnet|offen|angelegt|abiert|cread|ouvert|créé"),
    "sent": re.compile(r"\bsent\b|e-?mailed|gesendet|geschickt|versandt|enviad|envoyé"),
    "booked": re.compile(
        r"booked|scheduled|gebucht|vereinbart|programad|reservad|programmé|réservé"
    ),
}
"""What a tool's result may state of an order or a ticket, whoever did it, in all four languages."""

BY_WORD: Mapping[str, tuple[tuple[Language, Group], ...]] = {
    word: tuple((lang, g) for lang in LANGUAGES for g in lang.groups if word in g.firsts)
    for language in LANGUAGES
    for group in language.groups
    for word in group.firsts
}
"""Where a verb belongs. A text without any of them claims nothing."""

NUMBERED = frozenset(
    "ticket tickets case reference ticketnummer vorgangsnummer referenznummer referenz referencia référence"
    " tíquet dossier caso vorgang fall".split()
)
"""Words that a number of ours follows."""
