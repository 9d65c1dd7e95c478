import { codePoints } from "./ids.js";
import { h, icon, setAttribute, setText } from "./dom.js";
import { own } from "./storage.js";

const LIMIT = 4_000;
/** The counter appears when this few characters are left. */
const NEARLY = 300;

/** Where the customer writes. Enter sends, Shift+Enter begins a line. */
export class Composer {
  /** @param {import("./message-view.js").Surroundings} around */
  constructor(around) {
    const { t } = around;
    this.around = around;
    this.field = h("textarea", {
      rows: "1", "aria-label": t("message"), placeholder: t("write"), enterkeyhint: "send",
      autocomplete: "off", oninput: () => this.#typed(), onkeydown: (event) => this.#key(event),
    });
    this.field.value = own.read(around.chat.draftKey) ?? "";
    this.counter = h("div", { class: "counter", hidden: true, id: "counter" });
    this.stopButton = this.#button("stop", () => around.chat.stopAnswer(), h("span", { class: "square" }));
    this.sendButton = this.#button("send", () => this.#send(), icon("send"));
    const box = h("div", { class: "field" }, this.field, this.stopButton, this.sendButton);
    this.element = h("div", { class: "composer" }, this.counter, box);
    this.update(false);
  }

  #button(name, onclick, symbol) {
    const label = this.around.t(name);
    return h("button", { type: "button", class: `round ${name}`, "aria-label": label, title: label, onclick }, symbol);
  }

  /** @param {boolean} busy whether an answer is on its way */
  update(busy) {
    this.busy = busy;
    const { value } = this.field;
    const left = LIMIT - codePoints(value.trim());
    const sendable = Boolean(value.trim()) && left >= 0;
    const hadFocus = [this.stopButton, this.sendButton].includes(this.field.getRootNode().activeElement);
    setAttribute(this.stopButton, "hidden", !busy);
    setAttribute(this.sendButton, "hidden", busy && !sendable);
    setAttribute(this.sendButton, "aria-disabled", sendable ? null : "true");
    this.#count(left);
    if (hadFocus && !this.field.getRootNode().activeElement) this.focus();
  }

  focus() {
    this.field.focus({ preventScroll: true });
  }

  #count(left) {
    setAttribute(this.counter, "hidden", left > NEARLY);
    this.counter.classList.toggle("over", left < 0);
    setAttribute(this.field, "aria-invalid", left < 0 ? "true" : null);
    setAttribute(this.field, "aria-describedby", left > NEARLY ? null : "counter");
    setText(this.counter, this.around.t(left < 0 ? "over" : "left", { n: Math.abs(left) }));
  }

  #typed() {
    own.write(this.around.chat.draftKey, this.field.value || null);
    this.update(this.busy);
    this.#grow();
  }

  /** As high as the text, up to what the style allows. Browsers that size fields by content need no help. */
  #grow() {
    if (CSS.supports("field-sizing", "content")) return;
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`;
  }

  #key(event) {
    // An Enter that chooses a word in an input method is not meant for us.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.#send();
  }

  #send() {
    if (this.sendButton.getAttribute("aria-disabled")) return;
    const text = this.field.value;
    this.field.value = "";
    this.#typed();
    this.around.onSend(text);
    this.focus();
  }
}
