import { citationMark, receiptCards, sourceList, toolLines } from "./cards.js";
import { h, icon, setAttribute, setText } from "./dom.js";
import { Feedback } from "./feedback.js";
import { MarkdownView } from "./markdown.js";

/**
 * @typedef {object} Surroundings what every message view needs to know
 * @property {import("./chat.js").Chat} chat
 * @property {string} server
 * @property {{lang: string, error: (error: object) => string}} strings
 * @property {(name: string, values?: object) => string} t
 * @property {(text: string) => void} announce
 * @property {() => string} agent the name of the person who answers
 * @property {(text: string) => void} onSend
 */

/** One message on the screen: a question, an answer (also while it is written), or a notice. */
export class MessageView {
  /** @param {Surroundings} around */
  constructor(around) {
    this.around = around;
    this.tools = h("div", { class: "tools" });
    this.prose = h("div", { class: "prose" });
    this.bubble = h("div", { class: "bubble" }, this.prose);
    this.cards = h("div", { class: "cards" });
    this.meta = h("div", { class: "meta" });
    this.author = h("div", { class: "author" });
    this.element = h("article", {}, this.author, this.tools, this.bubble, this.cards, this.meta);
    this.markdown = new MarkdownView(this.prose);
  }

  /** Shows a message that is complete. @param {import("./transcript.js").Message} message */
  update(message) {
    if (message === this.shown) return;
    const { element } = this;
    const streamed = element.hasAttribute("data-turn");
    element.className = `message ${message.role}${message.status ? ` ${message.status}` : ""}`;
    element.dataset.message = message.id;
    element.dataset.role = message.role;
    element.removeAttribute("data-turn");
    element.removeAttribute("aria-busy");
    setAttribute(element, "aria-label", this.#name(message.role));
    this.tools.replaceChildren();
    this.#showText(message);
    this.#showCards(message);
    this.#showMeta(message);
    if (streamed) element.classList.add("settled");
    this.shown = message;
  }

  /** Shows an answer that is being written. @param {import("./live-answer.js").LiveAnswer} live */
  stream(live) {
    if (this.shownVersion === live && this.version === live.version) return;
    const { element, around } = this;
    element.className = "message assistant streaming";
    element.dataset.turn = live.turn;
    element.dataset.role = "assistant";
    setAttribute(element, "aria-busy", "true");
    setAttribute(element, "aria-label", this.#name("assistant"));
    this.tools.replaceChildren(...toolLines(live.tools));
    this.bubble.hidden = !live.text && live.tools.length > 0;
    this.bubble.classList.toggle("waiting", !live.text);
    const context = { ...this.#context(), streaming: true, cite: (n) => citationMark(n, null, around) };
    this.markdown.show(live.text, context);
    this.cards.replaceChildren(...receiptCards(live.receipts));
    this.shownVersion = live;
    this.version = live.version;
  }

  #name(role) {
    const { t, agent } = this.around;
    return role === "customer" ? t("you") : (role === "agent" && agent()) || t(role);
  }

  #context() {
    return { base: `${this.around.server}/`, tableLabel: this.around.t("table") };
  }

  #showText(message) {
    this.bubble.hidden = !message.text;
    this.bubble.classList.remove("waiting");
    setText(this.author, message.role === "agent" ? this.#name("agent") : "");
    if (message.role === "customer") {
      setText(this.prose, message.text);
      return;
    }
    const { citations = [] } = message;
    const cite = (n) => citations[n - 1] && citationMark(n, citations[n - 1], this.around);
    const edition = JSON.stringify(citations);
    this.markdown.show(message.text, { ...this.#context(), streaming: false, edition, cite });
  }

  #showCards({ citations, receipts }) {
    const cards = [...receiptCards(receipts), sourceList(citations, this.around)];
    this.cards.replaceChildren(...cards.filter(Boolean));
  }

  #showMeta(message) {
    const parts = [];
    if (message.role === "assistant") parts.push(...this.#feedback(message));
    if (message.failure?.retryable) parts.push(this.#again(() => this.around.chat.askAgain()));
    if (message.status === "failed") parts.push(...this.#notSent(message));
    if (message.status === "sending") parts.push(h("span", { class: "status" }, this.#sendingText()));
    if (!message.status) parts.push(this.#time(message));
    this.meta.replaceChildren(...parts);
  }

  #sendingText() {
    const { chat, t } = this.around;
    return t(chat.state === "offline" ? "waiting" : "sending");
  }

  #feedback(message) {
    this.feedback ??= new Feedback(this.around);
    this.feedback.update(message);
    if (!this.feedback.more.isConnected) this.element.append(this.feedback.more);
    const stopped = message.partial && h("span", { class: "stopped" }, this.around.t("stopped"));
    return [stopped, this.feedback.buttons].filter(Boolean);
  }

  #notSent(message) {
    const { chat, strings, t } = this.around;
    const reason = `${t("notSent")} ${strings.error(message.error)}`;
    const retry = this.#again(() => chat.retry(message.client_id));
    const discard = { type: "button", class: "small-button plain", onclick: () => chat.discard(message.client_id) };
    const buttons = h("span", { class: "choices" }, h("button", discard, t("discard")), retry);
    return [h("span", { class: "reason" }, icon("alert"), h("span", {}, reason)), buttons];
  }

  #again(act) {
    return h("button", { type: "button", class: "small-button", onclick: act }, icon("again"), this.around.t("tryAgain"));
  }

  #time({ created_at: at }) {
    const format = new Intl.DateTimeFormat(this.around.strings.lang, { hour: "numeric", minute: "2-digit" });
    return h("time", { datetime: at }, format.format(new Date(at)));
  }
}
