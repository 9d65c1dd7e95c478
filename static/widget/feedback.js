import { h, icon, iconButton, setAttribute } from "./dom.js";

const COMMENT_LENGTH = 500;

/** Copy and thumbs under an answer; a thumb down asks why. */
export class Feedback {
  /** @param {import("./message-view.js").Surroundings} around */
  constructor(around) {
    this.around = around;
    const { t } = around;
    this.copyButton = iconButton(icon("copy"), t("copy"), () => this.#copy());
    this.up = iconButton(icon("up"), t("up"), () => this.#rate("up"));
    this.down = iconButton(icon("up", "icon turned"), t("down"), () => this.#rate("down"));
    const thumbs = h("span", { class: "thumbs", role: "group", "aria-label": t("rate") }, this.up, this.down);
    this.buttons = h("div", { class: "actions" }, this.copyButton, thumbs);
    this.more = h("div", { class: "more" });
  }

  /** @param {import("./transcript.js").Message} message */
  update(message) {
    this.message = message;
    setAttribute(this.up, "aria-pressed", String(message.rating === "up"));
    setAttribute(this.down, "aria-pressed", String(message.rating === "down"));
  }

  #rate(rating) {
    if (this.message.rating === rating) return;
    this.around.chat.rate(this.message.id, rating);
    this.more.replaceChildren(...(rating === "down" ? [this.#form()] : []));
    if (rating === "down") this.more.querySelector("input").focus();
  }

  #form() {
    const { t } = this.around;
    const label = t("comment");
    const input = h("input", { type: "text", "aria-label": label, placeholder: label, maxlength: COMMENT_LENGTH });
    const form = h("form", { class: "comment" }, input, h("button", { class: "small-button" }, t("commentSend")));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#thank(input.value.trim());
    });
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.more.replaceChildren();
      this.down.focus();
    });
    return form;
  }

  #thank(comment) {
    const { chat, announce, t } = this.around;
    if (comment) chat.rate(this.message.id, "down", comment);
    this.more.replaceChildren(h("p", { class: "thanks" }, t("thanks")));
    announce(t("thanks"));
    this.down.focus();
  }

  async #copy() {
    const { announce, t } = this.around;
    const text = this.message.text.replace(/ ?\[\d{1,2}\]/g, "");
    if (!(await copyText(text, this.buttons))) return;
    announce(t("copied"));
    this.copyButton.replaceChildren(icon("check"));
    this.copyButton.title = t("copied");
    setTimeout(() => {
      this.copyButton.replaceChildren(icon("copy"));
      this.copyButton.title = t("copy");
    }, 1_600);
  }
}

/** Copies where the clipboard is closed to us too: on plain http there is only the old way. */
async function copyText(text, place) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = h("textarea", { class: "unseen", "aria-hidden": "true", tabindex: "-1" });
    field.value = text;
    const focused = place.getRootNode().activeElement;
    place.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    focused?.focus();
    return copied;
  }
}
