/** Every text of the widget. `{name}` marks what is filled in. */
const STRINGS = {
  en: {
    open: "Open chat", openUnread: "Open chat, new messages", close: "Close chat",
    title: "Chat with {shop}", us: "us", subtitle: "Support assistant", withAgent: "You are talking to {agent}",
    connecting: "Connecting…", online: "Online", offline: "Not connected",
    greeting: "Hello! How can we help?",
    intro: "Ask about an order, a delivery, a return or anything in the shop.",
    suggestions: "Suggested questions", conversation: "Conversation",
    write: "Write a message…", message: "Your message", send: "Send message", stop: "Stop answering",
    left: "{n} characters left", over: "{n} characters too many",
    disclosure: "Answers are written by an AI assistant and can be wrong.",
    fresh: "New conversation", freshAsk: "Start a new conversation? You will not see this one here any more.",
    freshYes: "Start new", freshNo: "Keep this one", freshFailed: "That did not work. Please try again.",
    you: "You", assistant: "Assistant", agent: "Support team", system: "Notice",
    thinking: "The assistant is writing", sending: "Sending…", notSent: "Not sent.",
    tryAgain: "Try again", discard: "Discard", stopped: "Stopped", sources: "Sources", source: "Source {n}: {title}",
    copy: "Copy answer", copied: "Copied", up: "Helpful", down: "Not helpful", newTab: "opens in a new tab",
    rate: "Rate this answer", comment: "What went wrong? (optional)", commentSend: "Send",
    thanks: "Thank you for telling us.", table: "Table", jump: "New messages",
    lost: "Connection lost.", retryIn: "Trying again in {n} s.", retrying: "Trying again…",
    tryNow: "Try now", back: "Connected again.", waiting: "Will be sent when you are connected.",
    errors: {},
  },
  de: {
    open: "Chat öffnen", openUnread: "Chat öffnen, neue Nachrichten", close: "Chat schließen",
    title: "Chat mit {shop}", us: "uns", subtitle: "Support-Assistent", withAgent: "Sie sprechen mit {agent}",
    connecting: "Verbindung wird aufgebaut…", online: "Online", offline: "Nicht verbunden",
    greeting: "Hallo! Wie können wir helfen?",
    intro: "Fragen Sie nach Bestellung, Lieferung, Rückgabe oder unserem Sortiment.",
    suggestions: "Häufige Fragen", conversation: "Unterhaltung",
    write: "Nachricht schreiben…", message: "Ihre Nachricht", send: "Nachricht senden", stop: "Antwort anhalten",
    left: "Noch {n} Zeichen", over: "{n} Zeichen zu viel",
    disclosure: "Die Antworten schreibt ein KI-Assistent; sie können falsch sein.",
    fresh: "Neue Unterhaltung", freshAsk: "Neue Unterhaltung beginnen? Diese ist dann hier nicht mehr zu sehen.",
    freshYes: "Neu beginnen", freshNo: "Weiterführen", freshFailed: "Das hat nicht geklappt. Bitte noch einmal versuchen.",
    you: "Sie", assistant: "Assistent", agent: "Support-Team", system: "Hinweis",
    thinking: "Der Assistent schreibt", sending: "Wird gesendet…", notSent: "Nicht gesendet.",
    tryAgain: "Noch einmal", discard: "Verwerfen", stopped: "Angehalten", sources: "Quellen", source: "Quelle {n}: {title}",
    copy: "Antwort kopieren", copied: "Kopiert", up: "Hilfreich", down: "Nicht hilfreich", newTab: "öffnet einen neuen Tab",
    rate: "Antwort bewerten", comment: "Was war falsch? (freiwillig)", commentSend: "Senden",
    thanks: "Danke für den Hinweis.", table: "Tabelle", jump: "Neue Nachrichten",
    lost: "Verbindung verloren.", retryIn: "Neuer Versuch in {n} s.", retrying: "Neuer Versuch…",
    tryNow: "Jetzt versuchen", back: "Wieder verbunden.", waiting: "Wird gesendet, sobald Sie verbunden sind.",
    errors: {
      message_empty: "Die Nachricht ist leer.", message_too_long: "Die Nachricht ist zu lang.",
      message_invalid: "Die Nachricht enthält Zeichen, die nicht gespeichert werden können.",
      internal: "Bei uns ist etwas schiefgegangen.",
      rate_limited: "Das war zu viel auf einmal. Bitte in {n} s noch einmal versuchen.",
      too_many_connections: "Aus Ihrem Netz sind zu viele Chats offen. Bitte schließen Sie einige.",
    },
  },
  es: {
    open: "Abrir el chat", openUnread: "Abrir el chat, mensajes nuevos", close: "Cerrar el chat",
    title: "Chat con {shop}", us: "nosotros", subtitle: "Asistente de ayuda", withAgent: "Está hablando con {agent}",
    connecting: "Conectando…", online: "En línea", offline: "Sin conexión",
    greeting: "¡Hola! ¿En qué podemos ayudar?",
    intro: "Pregunte por un pedido, un envío, una devolución o cualquier producto.",
    suggestions: "Preguntas frecuentes", conversation: "Conversación",
    write: "Escriba un mensaje…", message: "Su mensaje", send: "Enviar mensaje", stop: "Detener la respuesta",
    left: "Quedan {n} caracteres", over: "Sobran {n} caracteres",
    disclosure: "Las respuestas las escribe un asistente de IA y pueden contener errores.",
    fresh: "Nueva conversación", freshAsk: "¿Empezar una nueva conversación? Esta ya no se verá aquí.",
    freshYes: "Empezar", freshNo: "Seguir con esta", freshFailed: "No ha funcionado. Inténtelo de nuevo.",
    you: "Usted", assistant: "Asistente", agent: "Equipo de ayuda", system: "Aviso",
    thinking: "El asistente está escribiendo", sending: "Enviando…", notSent: "No enviado.",
    tryAgain: "Reintentar", discard: "Descartar", stopped: "Detenida", sources: "Fuentes", source: "Fuente {n}: {title}",
    copy: "Copiar la respuesta", copied: "Copiado", up: "Útil", down: "No es útil", newTab: "se abre en otra pestaña",
    rate: "Valorar la respuesta", comment: "¿Qué ha fallado? (opcional)", commentSend: "Enviar",
    thanks: "Gracias por avisarnos.", table: "Tabla", jump: "Mensajes nuevos",
    lost: "Se ha perdido la conexión.", retryIn: "Nuevo intento en {n} s.", retrying: "Reintentando…",
    tryNow: "Intentar ahora", back: "Conectado de nuevo.", waiting: "Se enviará cuando haya conexión.",
    errors: {
      message_empty: "El mensaje está vacío.", message_too_long: "El mensaje es demasiado largo.",
      message_invalid: "El mensaje contiene caracteres que no se pueden guardar.",
      internal: "Algo ha fallado por nuestra parte.",
      rate_limited: "Demasiados mensajes a la vez. Inténtelo de nuevo en {n} s.",
      too_many_connections: "Hay demasiados chats abiertos desde su red. Cierre alguno, por favor.",
    },
  },
  fr: {
    open: "Ouvrir le chat", openUnread: "Ouvrir le chat, nouveaux messages", close: "Fermer le chat",
    title: "Discuter avec {shop}", us: "nous", subtitle: "Assistant", withAgent: "Vous parlez avec {agent}",
    connecting: "Connexion…", online: "En ligne", offline: "Hors connexion",
    greeting: "Bonjour ! Comment pouvons-nous vous aider ?",
    intro: "Une question sur une commande, une livraison, un retour ou un article ?",
    suggestions: "Questions fréquentes", conversation: "Conversation",
    write: "Écrivez un message…", message: "Votre message", send: "Envoyer le message", stop: "Arrêter la réponse",
    left: "Encore {n} caractères", over: "{n} caractères de trop",
    disclosure: "Les réponses sont rédigées par un assistant IA et peuvent être erronées.",
    fresh: "Nouvelle conversation", freshAsk: "Commencer une nouvelle conversation ? Celle-ci ne sera plus visible ici.",
    freshYes: "Commencer", freshNo: "Garder celle-ci", freshFailed: "Cela n’a pas fonctionné. Veuillez réessayer.",
    you: "Vous", assistant: "Assistant", agent: "Équipe d’assistance", system: "Information",
    thinking: "L’assistant écrit", sending: "Envoi…", notSent: "Non envoyé.",
    tryAgain: "Réessayer", discard: "Abandonner", stopped: "Arrêtée", sources: "Sources", source: "Source {n} : {title}",
    copy: "Copier la réponse", copied: "Copié", up: "Utile", down: "Pas utile", newTab: "s’ouvre dans un nouvel onglet",
    rate: "Évaluer cette réponse", comment: "Qu’est-ce qui n’allait pas ? (facultatif)", commentSend: "Envoyer",
    thanks: "Merci de nous l’avoir signalé.", table: "Tableau", jump: "Nouveaux messages",
    lost: "Connexion perdue.", retryIn: "Nouvel essai dans {n} s.", retrying: "Nouvel essai…",
    tryNow: "Essayer maintenant", back: "De nouveau connecté.", waiting: "Sera envoyé dès que vous serez connecté.",
    errors: {
      message_empty: "Le message est vide.", message_too_long: "Le message est trop long.",
      message_invalid: "Le message contient des caractères qui ne peuvent pas être enregistrés.",
      internal: "Un problème est survenu de notre côté.",
      rate_limited: "C’était trop à la fois. Veuillez réessayer dans {n} s.",
      too_many_connections: "Trop de discussions sont ouvertes depuis votre réseau. Veuillez en fermer quelques-unes.",
    },
  },
};

/**
 * The texts in one language.
 * @param {string} [asked] the element's own `lang`; else the page's, else the browser's, else English
 */
export function stringsFor(asked) {
  const wishes = [asked, document.documentElement.lang, ...navigator.languages, "en"];
  const codes = wishes.filter(Boolean).map((wish) => wish.toLowerCase().split("-")[0]);
  const lang = codes.find(has);
  return new Strings(lang, STRINGS[lang]);
}

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));
}

function has(code) {
  return Object.hasOwn(STRINGS, code);
}

class Strings {
  constructor(lang, texts) {
    this.lang = lang;
    this.texts = texts;
  }

  /** @param {string} name @param {Record<string, string | number>} [values] */
  t(name, values = {}) {
    return fill(this.texts[name], values);
  }

  /** Why the server refused something: its own words in English, ours where we have them. */
  error({ code, detail, retry_after: n = "" }) {
    const ours = this.texts.errors[code];
    return ours ? fill(ours, { n }) : detail;
  }
}
