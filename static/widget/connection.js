import { SessionError } from "./session.js";

/** @typedef {"connecting" | "ready" | "offline"} State */

const FIRST_DELAY = 500;
const LONGEST_DELAY = 30_000;
/** Without a word for this long, ask: routers drop idle connections near 60 s. */
const QUIET = 20_000;
/** How long the answer to a ping may take, and how long when there is reason to doubt the line. */
const PATIENCE = 10_000;
const DOUBT = 3_000;
const GREETING_TIMEOUT = 12_000;
/** A connection that lasted this long was a good one: the next loss starts with short waits. */
const GOOD_AFTER = 5_000;

/**
 * Keeps one socket to the server open: greets, listens, pings, and comes back after a loss with
 * full jitter, so that a restarted server is not run over by all its customers at once.
 */
export class Connection {
  /** @type {State} */
  state = "offline";
  /** When the next attempt is due, while one is waited for. */
  retryAt = 0;
  /** Why the server turned the last connection away, where it gave a reason that people can act on. */
  refusal = null;
  #socket = null;
  #attempts = 0;
  #timer = 0;
  #pulse = 0;
  #heardAt = 0;
  #deadline = Infinity;
  /** When to go elsewhere, once the server said that it restarts. */
  #leaveAt = 0;
  #rejections = 0;
  #wanted = false;

  /**
   * @param {import("./session.js").Session} session
   * @param {{onFrame: (frame: object) => void, onState: () => void, position: () => object}} hooks
   *   `position` tells which running turn is known, and how much of it.
   */
  constructor(session, hooks) {
    this.session = session;
    this.hooks = hooks;
  }

  /** Opens the connection unless it is open or on its way. */
  start() {
    if (this.#wanted) return;
    this.#wanted = true;
    for (const [target, name] of WAKERS) target.addEventListener(name, this.#doubt);
    this.#open();
  }

  /** Closes it for good. */
  stop() {
    this.#wanted = false;
    for (const [target, name] of WAKERS) target.removeEventListener(name, this.#doubt);
    this.#drop();
    this.#become("offline");
  }

  /** Tries at once instead of waiting for the next attempt, or greets anew with another conversation. */
  reconnect() {
    if (!this.#wanted) return;
    this.#drop();
    this.#open();
  }

  /** @returns {boolean} whether the frame was handed to a ready connection */
  send(frame) {
    if (this.state !== "ready") return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  #become(state) {
    this.state = state;
    this.hooks.onState();
  }

  async #open() {
    this.retryAt = 0;
    this.#become("connecting");
    const attempt = (this.#socket = {});
    try {
      await this.session.ensure();
    } catch (error) {
      if (this.#socket === attempt) this.#lose(waitAfter(error));
      return;
    }
    if (this.#socket === attempt) this.#dial();
  }

  #dial() {
    const socket = new WebSocket(`${this.session.server.replace(/^http/, "ws")}/ws/chat/`);
    this.#socket = socket;
    const current = (act) => (event) => this.#socket === socket && act(event);
    socket.addEventListener("open", current(() => socket.send(JSON.stringify(this.#hello()))));
    socket.addEventListener("message", current((event) => this.#hear(JSON.parse(event.data))));
    socket.addEventListener("close", current(() => this.#lose()));
    this.#expect(GREETING_TIMEOUT);
    this.#pulse = setInterval(() => this.#beat(), 1_000);
  }

  #hello() {
    const { token, conversation } = this.session;
    return { type: "hello", token, conversation, ...this.hooks.position() };
  }

  #hear(frame) {
    this.#heardAt = Date.now();
    this.#deadline = Infinity;
    if (frame.type === "restarting") {
      this.#leaveIn(frame.retry_after_ms);
    } else if (frame.type === "error" && this.state !== "ready") {
      this.#refused(frame);
    } else if (frame.type !== "pong") {
      if (frame.type === "ready") this.#greeted();
      this.hooks.onFrame(frame);
    }
  }

  /** The server has spread its customers over some time itself. Until then it still brings text. */
  #leaveIn(wait) {
    if (this.#leaveAt) return;
    this.#leaveAt = Date.now() + wait;
    this.#timer = setTimeout(() => this.reconnect(), wait);
  }

  #greeted() {
    const socket = this.#socket;
    this.#rejections = 0;
    setTimeout(() => {
      if (this.#socket === socket) this.#attempts = 0;
    }, GOOD_AFTER);
    this.#become("ready");
  }

  /** The server did not take our greeting: a token too old, or a conversation that is gone. */
  async #refused(error) {
    const { code, retry_after: wait = 0 } = error;
    this.#rejections += 1;
    if (this.#rejections > 1 || !["unauthorized", "not_found"].includes(code)) {
      this.#lose(wait * 1_000, code === "too_many_connections" ? error : null);
      return;
    }
    this.#drop();
    if (code === "unauthorized") this.session.forget();
    else await this.session.ensure({ fresh: true }).catch(() => this.session.forget());
    if (this.#wanted && !this.#socket) this.#open();
  }

  #beat() {
    const now = Date.now();
    if (now > this.#deadline) this.#lose();
    else if (this.#deadline === Infinity && now - this.#heardAt > QUIET) this.#ping(PATIENCE);
  }

  #ping(patience) {
    if (this.send({ type: "ping" })) this.#expect(patience);
  }

  /** The line counts as dead unless something is heard within `patience` milliseconds. */
  #expect(patience) {
    this.#deadline = Date.now() + patience;
  }

  /** The network changed or the page woke up: find out soon whether the line still holds. */
  #doubt = () => {
    if (this.state === "ready") this.#ping(DOUBT);
    else if (this.retryAt && document.visibilityState === "visible") this.reconnect();
  };

  #drop() {
    clearTimeout(this.#timer);
    clearInterval(this.#pulse);
    this.retryAt = this.#leaveAt = 0;
    const socket = this.#socket;
    this.#socket = null;
    if (socket instanceof WebSocket) socket.close();
  }

  /**
   * @param {number} atLeast milliseconds the server asked us to wait
   * @param {{code: string, detail: string} | null} refusal
   */
  #lose(atLeast = 0, refusal = null) {
    const leaveIn = this.#leaveAt - Date.now();
    this.#drop();
    this.refusal = refusal;
    if (!this.#wanted) return;
    this.#attempts += 1;
    const delay = leaveIn > 0 ? leaveIn : Math.max(atLeast, backoff(this.#attempts));
    this.retryAt = Date.now() + delay;
    this.#timer = setTimeout(() => this.#open(), delay);
    this.#become("offline");
  }
}

const WAKERS = [
  [window, "online"],
  [window, "offline"],
  [document, "visibilitychange"],
];

function backoff(attempt) {
  const ceiling = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(attempt, 10));
  return FIRST_DELAY + Math.random() * (ceiling - FIRST_DELAY);
}

function waitAfter(error) {
  return error instanceof SessionError ? error.retryAfter * 1_000 : 0;
}
