import { h, icon, setAttribute, setText } from "./dom.js";

/** A loss shorter than this is nobody's business. */
const GRACE = 800;
const FAREWELL = 2_000;
const ERROR_SHOWN = 6_000;

/** The line above the composer: a lost connection and what is done about it, or an error. */
export class Notice {
  #lostAt = 0;
  #shown = false;
  #timer = 0;

  /** @param {import("./message-view.js").Surroundings} around */
  constructor(around) {
    const { t, chat } = around;
    this.around = around;
    this.text = h("span", { class: "text" });
    this.button = h("button", { type: "button", class: "small-button", onclick: () => chat.connection.reconnect() }, t("tryNow"));
    this.element = h("div", { class: "notice", hidden: true }, icon("alert"), this.text, this.button);
  }

  /** Follows the connection; called after every change of it. */
  update() {
    const { chat, announce, t } = this.around;
    if (chat.state === "ready") {
      if (this.#shown) this.#farewell();
      this.#lostAt = 0;
    } else if (chat.connection.retryAt && !this.#lostAt) {
      this.#lostAt = Date.now();
      this.#tick();
    } else if (this.#shown) {
      this.#tick();
    }
    if (this.#lostAt && this.#shown && !this.#announced) {
      this.#announced = true;
      announce(`${this.#reason} ${t("retrying")}`);
    }
  }

  #announced = false;

  /** Shows for a while what went wrong with nothing in particular. */
  error(text) {
    if (this.#shown) return;
    this.#show(text, { button: false });
    this.around.announce(text);
    this.#timer = setTimeout(() => this.#hide(), ERROR_SHOWN);
  }

  stop() {
    clearTimeout(this.#timer);
  }

  #tick() {
    clearTimeout(this.#timer);
    if (!this.#lostAt) return;
    this.#timer = setTimeout(() => this.#tick(), 250);
    if (Date.now() - this.#lostAt < GRACE) return;
    const { chat, t } = this.around;
    const seconds = Math.ceil((chat.connection.retryAt - Date.now()) / 1_000);
    const next = seconds > 0 ? t("retryIn", { n: seconds }) : t("retrying");
    const first = !this.#shown;
    this.#shown = true;
    this.#show(`${this.#reason} ${next}`, { button: true });
    if (first) this.update();
  }

  get #reason() {
    const { chat, strings, t } = this.around;
    const { refusal } = chat.connection;
    return refusal ? strings.error(refusal) : t("lost");
  }

  #farewell() {
    clearTimeout(this.#timer);
    this.#shown = this.#announced = false;
    this.#show(this.around.t("back"), { button: false, good: true });
    this.around.announce(this.around.t("back"));
    this.#timer = setTimeout(() => this.#hide(), FAREWELL);
  }

  #show(text, { button, good = false }) {
    setText(this.text, text);
    this.element.classList.toggle("good", good);
    setAttribute(this.button, "hidden", !button);
    setAttribute(this.element, "hidden", null);
  }

  #hide() {
    setAttribute(this.element, "hidden", true);
  }
}
