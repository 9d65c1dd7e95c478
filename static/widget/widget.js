import { Chat } from "./chat.js";
import { subjectOf } from "./ids.js";
import { own } from "./storage.js";
import { stringsFor } from "./strings.js";
import { View } from "./view.js";

const STYLES = ["widget", "controls", "messages", "answers", "content"];
/** Below this width the panel would hide the page: it opens only when asked. */
const ROOMY = "(min-width: 640px)";
const OPEN = "supportbot:open";

/**
 * The chat, as an element: `<supportbot-chat shop="…" suggestions='["…"]' identity="…" open>`.
 * `open` mirrors whether the panel is open, `state` the connection: connecting, ready or offline.
 */
class SupportbotChat extends HTMLElement {
  static observedAttributes = ["open", "server", "identity", "shop", "lang", "greeting", "suggestions"];

  #chat = null;
  #view = null;
  /** Whether the panel opens and closes without taking the focus: while a page loads. */
  #quiet = true;

  connectedCallback() {
    if (!this.shadowRoot) this.#attach();
    this.#begin();
  }

  disconnectedCallback() {
    this.#end();
  }

  attributeChangedCallback(name, before, after) {
    if (!this.#view || before === after) return;
    if (name === "open") this.#openChanged();
    else if (name === "identity" || name === "server") this.#visitorChanged();
    else this.#redraw();
  }

  /** What is known of the conversation, as plain data: `{messages, streaming, …}`. */
  get transcript() {
    return this.#chat?.transcript.snapshot() ?? null;
  }

  get open() {
    return this.hasAttribute("open");
  }

  set open(open) {
    this.toggleAttribute("open", Boolean(open));
  }

  get #server() {
    return new URL(this.getAttribute("server") || import.meta.url, document.baseURI).origin;
  }

  get #identity() {
    return this.getAttribute("identity") ?? "";
  }

  get #suggestions() {
    try {
      const list = JSON.parse(this.getAttribute("suggestions") || "[]");
      return Array.isArray(list) ? list.map(String) : [];
    } catch {
      return [];
    }
  }

  #attach() {
    const root = this.attachShadow({ mode: "open" });
    const links = STYLES.map((name) => {
      const href = new URL(`${name}.css`, import.meta.url).href;
      return Object.assign(document.createElement("link"), { rel: "stylesheet", href });
    });
    root.append(...links);
    const loaded = links.map((link) => new Promise((done) => (link.onload = link.onerror = done)));
    this.styled = Promise.all(loaded);
  }

  #begin() {
    const kept = own.read(OPEN);
    this.open = matchMedia(ROOMY).matches && (kept ?? this.open);
    this.#makeChat();
    this.#draw();
    this.#quiet = false;
    this.#chat.warmUp();
  }

  #end() {
    this.#chat?.stop();
    this.#view?.destroy();
    this.#chat = this.#view = null;
    this.#quiet = true;
  }

  #makeChat() {
    const identity = this.#identity;
    this.subject = identity && subjectOf(identity);
    this.#chat = new Chat({ server: this.#server, identity }, (frame) => this.#changed(frame));
  }

  #changed(frame) {
    this.setAttribute("state", this.#chat.state);
    this.#view?.changed(frame);
  }

  #draw() {
    const options = {
      chat: this.#chat,
      server: this.#server,
      strings: stringsFor(this.getAttribute("lang")),
      shop: this.getAttribute("shop") ?? "",
      greeting: this.getAttribute("greeting") ?? "",
      suggestions: this.#suggestions,
      onOpen: () => this.#choose(true),
      onClose: () => this.#choose(false),
    };
    const view = (this.#view = new View(options));
    view.element.lang = options.strings.lang;
    view.element.hidden = true; // unstyled for a moment: it would push the page about
    this.styled.then(() => {
      view.element.hidden = false;
      view.list.pin.follow();
    });
    this.shadowRoot.append(view.element);
    this.#changed();
    this.#openChanged();
  }

  #redraw() {
    this.#quiet = true;
    this.#view.destroy();
    this.#draw();
    this.#quiet = false;
  }

  /** The customer opened or closed the panel: the next page of this tab does likewise. */
  #choose(open) {
    own.write(OPEN, open);
    this.open = open;
  }

  #openChanged() {
    this.#view.setOpen(this.open, { focus: !this.#quiet });
    if (this.open) this.#chat.connect();
  }

  /** Another customer gets another session; a fresh signature of the same one is kept for later. */
  #visitorChanged() {
    const identity = this.#identity;
    const { session } = this.#chat;
    const sameCustomer = (identity && subjectOf(identity)) === this.subject;
    const steppedDown = Boolean(identity) && !session.identity;
    if (sameCustomer && !steppedDown && session.server === this.#server) {
      session.identity = identity;
      return;
    }
    this.#chat.stop();
    this.#makeChat();
    this.#redraw();
    this.#chat.warmUp();
  }
}

if (!customElements.get("supportbot-chat")) customElements.define("supportbot-chat", SupportbotChat);
