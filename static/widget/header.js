import { h, icon, iconButton, setAttribute, setText } from "./dom.js";

/** Who answers, whether there is a connection, and the way to a new conversation or out. */
export class Header {
  /**
   * @param {import("./message-view.js").Surroundings} around
   * @param {{shop: string, onClose: () => void, onFresh: () => Promise<void>}} options
   */
  constructor(around, { shop, onClose, onFresh }) {
    const { t } = around;
    this.around = around;
    this.onFresh = onFresh;
    this.subtitle = h("span", {});
    this.dot = h("span", { class: "dot", "aria-hidden": "true" });
    this.freshButton = iconButton(icon("fresh"), t("fresh"), () => this.#fresh(), { "aria-expanded": "false" });
    const closeButton = iconButton(icon("close"), t("close"), onClose);
    const words = h(
      "div",
      { class: "who" },
      h("h2", { class: "shop", id: "title" }, shop || t("title", { shop: t("us") })),
      h("p", { class: "subtitle" }, this.dot, this.subtitle),
    );
    const mark = h("span", { class: "mark", "aria-hidden": "true" }, icon("chat"));
    const bar = h("div", { class: "bar" }, mark, words, this.freshButton, closeButton);
    this.confirm = this.#confirmation();
    this.element = h("div", { class: "head" }, bar, this.confirm);
  }

  /** @param {import("./transcript.js").Transcript} transcript @param {string} state */
  update({ messages, agent }, state) {
    const { t } = this.around;
    const usual = agent ? t("withAgent", { agent }) : t("subtitle");
    setText(this.subtitle, { connecting: t("connecting"), offline: t("offline") }[state] ?? usual);
    this.dot.className = `dot ${state}`;
    this.used = messages.length > 0;
    setAttribute(this.freshButton, "hidden", !this.used);
  }

  /** Takes the question back; tells whether it stood. */
  dismiss() {
    const open = !this.confirm.hidden;
    this.#ask(false);
    if (open) this.freshButton.focus();
    return open;
  }

  #confirmation() {
    const { t } = this.around;
    this.question = h("p", { id: "fresh-question" }, t("freshAsk"));
    this.yes = h("button", { type: "button", class: "small-button strong", onclick: () => this.#begin() }, t("freshYes"));
    const no = h("button", { type: "button", class: "small-button", onclick: () => this.dismiss() }, t("freshNo"));
    const buttons = h("div", { class: "choices" }, this.yes, no);
    const props = { class: "confirm", role: "group", "aria-labelledby": "fresh-question", hidden: true };
    return h("div", props, this.question, buttons);
  }

  #fresh() {
    if (this.used) this.#ask(this.confirm.hidden);
  }

  #ask(open) {
    setText(this.question, this.around.t("freshAsk"));
    setAttribute(this.confirm, "hidden", !open);
    setAttribute(this.freshButton, "aria-expanded", String(open));
    if (open) this.yes.focus();
  }

  async #begin() {
    this.yes.disabled = true;
    try {
      await this.onFresh();
      this.#ask(false);
    } catch {
      setText(this.question, this.around.t("freshFailed"));
      this.around.announce(this.around.t("freshFailed"));
    } finally {
      this.yes.disabled = false;
    }
  }
}
