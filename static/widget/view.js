import { Composer } from "./composer.js";
import { h, icon, setAttribute } from "./dom.js";
import { Header } from "./header.js";
import { MessageList } from "./message-list.js";
import { Notice } from "./notice.js";
import { PhoneScreen } from "./phone-screen.js";

/**
 * @typedef {object} ViewOptions
 * @property {import("./chat.js").Chat} chat
 * @property {string} server
 * @property {object} strings
 * @property {string} shop
 * @property {string} greeting
 * @property {string[]} suggestions
 * @property {() => void} onOpen
 * @property {() => void} onClose
 */

/** Launcher and panel. Draws what the chat knows, at most once a frame. */
export class View {
  #frame = 0;

  /** @param {ViewOptions} options */
  constructor(options) {
    this.options = options;
    const { chat, server, strings } = options;
    const t = strings.t.bind(strings);
    const announce = (text) => this.#announce(text);
    const onSend = (text) => this.#send(text);
    const agent = () => chat.transcript.agent;
    this.around = { chat, server, strings, t, announce, onSend, agent };
    this.#build(t);
  }

  #build(t) {
    const { around, options } = this;
    const { shop, onOpen, onClose } = options;
    this.launcher = h(
      "button",
      { type: "button", class: "launcher", "aria-expanded": "false", "aria-controls": "panel", onclick: onOpen },
      icon("chat"),
      h("span", { class: "unread", "aria-hidden": "true" }),
    );
    this.header = new Header(around, { shop, onClose, onFresh: () => this.#fresh() });
    this.list = new MessageList(around);
    this.notice = new Notice(around);
    this.composer = new Composer(around);
    this.#greet();
    const footer = h("p", { class: "disclosure" }, t("disclosure"));
    const body = [this.header, this.list, this.notice, this.composer].map((part) => part.element);
    const name = t("title", { shop: shop || t("us") });
    const props = { class: "panel", id: "panel", role: "dialog", "aria-label": name, hidden: true };
    this.panel = h("section", props, ...body, footer);
    this.panel.addEventListener("keydown", (event) => this.#key(event));
    this.live = h("div", { class: "unseen", role: "status", "aria-live": "polite" });
    this.element = h("div", { class: "root" }, this.panel, this.launcher, this.live);
    this.screen = new PhoneScreen(this.panel);
    this.setUnread(false);
  }

  #greet() {
    const { t, onSend } = this.around;
    const { greeting, suggestions } = this.options;
    const chips = suggestions.map((text) =>
      h("button", { type: "button", class: "chip", onclick: () => onSend(text) }, h("span", {}, text), icon("arrow")),
    );
    this.list.empty.append(
      h("h3", {}, greeting || t("greeting")),
      h("p", {}, t("intro")),
      ...(chips.length ? [h("div", { class: "chips", role: "group", "aria-label": t("suggestions") }, ...chips)] : []),
    );
  }

  /** Shows or hides the panel. @param {{focus: boolean}} how */
  setOpen(open, { focus }) {
    this.open = open;
    setAttribute(this.panel, "hidden", !open);
    setAttribute(this.launcher, "hidden", open);
    setAttribute(this.launcher, "aria-expanded", String(open));
    this.screen.cover(open);
    if (open) this.setUnread(false);
    this.#draw();
    if (open) this.list.pin.follow();
    if (focus) (open ? this.composer : this.launcher).focus();
  }

  setUnread(unread) {
    const { t } = this.around;
    this.launcher.classList.toggle("has-unread", unread);
    setAttribute(this.launcher, "aria-label", t(unread ? "openUnread" : "open"));
  }

  /** The chat changed. @param {{type: string}} [frame] the frame that changed it */
  changed(frame) {
    if (frame) this.#tell(frame);
    if (this.around.chat.state !== this.drawnState) {
      this.drawnState = this.around.chat.state;
      this.list.refresh();
    }
    this.notice.update();
    // A hidden tab has no animation frames, and its text need not be smooth.
    this.#frame ||= document.hidden
      ? setTimeout(() => this.#draw(), 200)
      : requestAnimationFrame(() => this.#draw());
  }

  destroy() {
    this.notice.stop();
    this.screen.cover(false);
    this.element.remove();
  }

  #draw() {
    this.#frame = 0;
    const { transcript, state } = this.around.chat;
    this.header.update(transcript, state);
    this.list.render(transcript);
    this.composer.update(transcript.busy);
  }

  #send(text) {
    this.list.pin.pinned = true;
    this.around.chat.send(text);
  }

  async #fresh() {
    await this.around.chat.startAnew();
    this.list.pin.pinned = true;
    this.composer.focus();
  }

  #key(event) {
    if (event.key !== "Escape" || event.isComposing) return;
    event.stopPropagation();
    if (!this.header.dismiss()) this.options.onClose();
  }

  /** Says aloud what came, and marks it as unread where nobody looks. */
  #tell(frame) {
    const { t, strings } = this.around;
    const { type, message } = frame;
    if (type === "error") {
      const reason = strings.error(frame);
      if (frame.id) this.#announce(`${t("notSent")} ${reason}`);
      else this.notice.error(reason);
      return;
    }
    const said = type === "answer.failed" ? frame.text : message?.text;
    if (!said || message?.role === "customer") return;
    if (!this.open) this.setUnread(true);
    this.#announce(`${t(message?.role ?? "system")}: ${spoken(said)}`);
  }

  #announce(text) {
    this.live.textContent = "";
    setTimeout(() => (this.live.textContent = text), 50);
  }
}

/** Markdown without its marks, for the ear. */
function spoken(text) {
  return text
    .replace(/ ?\[\d{1,2}\]/g, "")
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/[*_`#>~|]+/g, "")
    .replace(/\s+/g, " ");
}
