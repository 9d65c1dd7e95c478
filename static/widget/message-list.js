import { h, setAttribute } from "./dom.js";
import { MessageView } from "./message-view.js";
import { Pin } from "./pin.js";

/** The transcript on the screen. Nodes are kept by key, so that nothing moves that did not change. */
export class MessageList {
  #views = new Map();
  #days = new Map();
  #count = 0;

  /** @param {import("./message-view.js").Surroundings} around */
  constructor(around) {
    const { t } = around;
    this.around = around;
    this.empty = h("div", { class: "empty" });
    this.log = h("div", {
      class: "log", role: "log", tabindex: "0",
      // Tokens are not for the ear: a live region of its own announces whole answers.
      "aria-live": "off", "aria-label": t("conversation"),
    });
    this.thinking = h("div", { class: "message assistant thinking", role: "img", "aria-label": t("thinking") }, dots());
    this.pill = h("button", { type: "button", class: "pill", hidden: true, onclick: () => this.pin.toBottom(true) }, t("jump"));
    this.element = h("div", { class: "scroller" }, this.log, this.pill);
    this.pin = new Pin(this.log, () => setAttribute(this.pill, "hidden", true));
  }

  /** @param {import("./transcript.js").Transcript} transcript */
  render(transcript) {
    const { messages, live } = transcript;
    const nodes = messages.length || transcript.busy ? [] : [this.empty];
    for (const [index, message] of messages.entries()) {
      const day = this.#day(messages[index - 1], message);
      if (day) nodes.push(day);
      nodes.push(this.#view(message.key, (view) => view.update(message)));
    }
    if (live) nodes.push(this.#view(live.turn, (view) => view.stream(live)));
    else if (transcript.busy) nodes.push(this.thinking);
    this.#forget(new Set([...messages.map((m) => m.key), live?.turn]));
    place(this.log, nodes);
    this.pin.empty = nodes.includes(this.empty);
    this.#follow(messages.length + (live ? 1 : 0));
  }

  /** Shows what is waiting to be sent in new words, after the connection changed. */
  refresh() {
    for (const { view } of this.#views.values()) {
      const { shown } = view;
      if (shown?.status !== "sending") continue;
      view.shown = null;
      view.update(shown);
    }
  }

  #view(key, show) {
    let entry = this.#views.get(key);
    if (!entry) {
      entry = { view: new MessageView(this.around) };
      this.#views.set(key, entry);
    }
    show(entry.view);
    return entry.view.element;
  }

  #forget(keys) {
    for (const key of this.#views.keys()) if (!keys.has(key)) this.#views.delete(key);
  }

  /** A line with the date, where the first message of a day follows one of another day. */
  #day(before, { created_at: at }) {
    const day = new Date(at).toDateString();
    if (before ? new Date(before.created_at).toDateString() === day : day === new Date().toDateString()) return null;
    if (!this.#days.has(day)) {
      const words = dayName(new Date(at), this.around.strings.lang);
      this.#days.set(day, h("div", { class: "day" }, h("span", {}, words)));
    }
    return this.#days.get(day);
  }

  #follow(count) {
    const more = count > this.#count;
    this.#count = count;
    if (this.pin.follow() || !more) return;
    this.pill.removeAttribute("hidden");
  }
}

/** Puts the nodes into the parent in this order, touching only what is out of place. */
function place(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  for (const [index, node] of nodes.entries()) {
    if (parent.children[index] !== node) parent.insertBefore(node, parent.children[index] ?? null);
  }
}

function dots() {
  return h("div", { class: "bubble waiting" }, h("div", { class: "prose" }));
}

function dayName(date, lang) {
  const midnight = (day) => new Date(day).setHours(0, 0, 0, 0);
  const ago = Math.round((midnight(Date.now()) - midnight(date)) / 86_400_000);
  if (ago < 2) return new Intl.RelativeTimeFormat(lang, { numeric: "auto" }).format(-ago, "day");
  return new Intl.DateTimeFormat(lang, { weekday: "long", day: "numeric", month: "long" }).format(date);
}
