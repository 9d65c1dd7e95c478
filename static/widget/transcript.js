import { LiveAnswer } from "./live-answer.js";
import { uuid } from "./ids.js";

/**
 * @typedef {object} Message
 * @property {string} id the server's id; until it is accepted, the client's
 * @property {string} key stays the same from the first optimistic bubble or streamed letter on
 * @property {"customer"|"assistant"|"agent"|"system"} role
 * @property {string} text
 * @property {"sending"|"failed"} [status] of a customer's message that is not accepted
 * @property {{code: string, detail: string}} [error] why it was not
 * @property {number} [tries] how often the server could not take it, through no fault of the message
 * @property {{code: string, retryable: boolean}} [failure] of a notice that an answer failed
 */

/** How often a message is sent that the server could not take: it may be out of order for seconds. */
const TRIES = 5;

/** A customer's question this fresh, without an answer, is probably about to get one. */
const RECENT = 120_000;

/**
 * What is known of a conversation: server frames go in, plain state comes out. No DOM, no socket.
 * Messages are replaced, never changed, so that a view can tell by identity what is new.
 */
export class Transcript {
  conversation = "";
  status = "open";
  agent = "";
  /** @type {Message[]} in the server's order; what is on its way to it stands last */
  messages = [];
  /** @type {LiveAnswer | null} the answer being written */
  live = null;
  /** Whether an answer is expected that has not begun. */
  #queued = "";
  #ended = new Set();

  /** Whether the customer waits for an answer. */
  get busy() {
    return Boolean(this.live || this.#queued);
  }

  /**
   * Applies one frame of the server.
   * @param {{type: string}} frame
   * @returns {object[]} frames to send back: a `sync` where text is missing
   */
  apply(frame) {
    this.#handlers[frame.type]?.(frame);
    return this.live?.takeRequest() ?? [];
  }

  /** Adds a customer's message before the server has seen it. */
  addLocal(text, clientId = uuid()) {
    const created_at = new Date().toISOString();
    const local = { id: clientId, client_id: clientId, role: "customer", text, created_at };
    this.messages = [...this.messages, { ...local, key: clientId, status: "sending" }];
    return clientId;
  }

  /** Marks a message as being sent again, under a new id where the old one cannot be used. */
  resend(clientId) {
    const message = this.messages.find((m) => m.client_id === clientId);
    if (message?.status !== "failed") return;
    const id = message.error.code === "message_conflict" ? uuid() : clientId;
    this.#replace(message, { id, client_id: id, status: "sending", error: undefined });
  }

  /** Takes away a message that the server refused. */
  discard(clientId) {
    this.messages = this.messages.filter((m) => m.status !== "failed" || m.client_id !== clientId);
  }

  /** The turn that a stop would stop. */
  get turn() {
    return this.live?.turn ?? (this.#queued === "unknown" ? "" : this.#queued);
  }

  /** The turns that an answer is expected from, as far as they are known. */
  get awaited() {
    const turns = [this.live?.turn, this.#queued === "unknown" ? "" : this.#queued];
    return turns.filter(Boolean);
  }

  /** What the server has not accepted yet, oldest first. */
  get unsent() {
    return this.messages.filter((m) => m.status === "sending");
  }

  /** Remembers a rating at once; the server sends no answer to it. */
  rate(id, rating) {
    const message = this.messages.find((m) => m.id === id);
    if (message) this.#replace(message, { rating });
  }

  /** The running turn and how much of it is here, for `hello`. */
  position() {
    return this.live ? { turn: this.live.turn, ...this.known(this.live.turn) } : {};
  }

  /** How much of a turn is here, for `sync`. */
  known(turn) {
    return { offset: this.live?.turn === turn ? this.live.length : 0 };
  }

  /** A plain copy of the state. */
  snapshot() {
    const { conversation, status, agent, messages, busy } = this;
    const streaming = this.live?.snapshot() ?? null;
    return structuredClone({ conversation, status, agent, messages, busy, streaming });
  }

  #handlers = {
    ready: (frame) => this.#ready(frame),
    "message.accepted": (frame) => this.#accepted(frame),
    "message.created": ({ message }) => this.#add(message),
    "answer.started": ({ turn }) => this.#start(turn, true),
    "answer.delta": ({ turn, offset, text }) => this.#start(turn)?.write(offset, text),
    "answer.reset": ({ turn }) => this.#start(turn)?.reset(),
    "tool.started": ({ turn, ...tool }) => this.#start(turn)?.tool(tool, false),
    "tool.finished": ({ turn, ...tool }) => this.#start(turn)?.tool(tool, true),
    "answer.completed": ({ turn, message }) => this.#finish(turn, message),
    "answer.failed": (frame) => this.#fail(frame),
    "conversation.updated": ({ status, agent = "" }) => Object.assign(this, { status, agent }),
    error: (frame) => this.#failed(frame),
  };

  #ready({ conversation, messages, turn }) {
    const known = new Map(this.messages.map((m) => [m.client_id ?? m.id, m]));
    const failure = this.messages.findLast((m) => m.failure);
    const unsent = this.messages.filter((m) => m.status);
    const older = conversation === this.conversation ? this.#before(messages[0]) : [];
    this.conversation = conversation;
    this.messages = [...older, ...messages.map((m) => keyed(m, known.get(m.client_id ?? m.id)))];
    const stored = new Set(messages.map((m) => m.client_id));
    this.messages.push(...unsent.filter((m) => !stored.has(m.client_id)));
    this.#restoreFailure(failure);
    this.live = turn ? LiveAnswer.resumed(turn, this.live) : null;
    this.#queued = !turn && this.#awaitsAnswer() ? "unknown" : "";
  }

  /** What is here of a long conversation, of which the server tells the newest messages only. */
  #before(first) {
    const at = this.messages.findIndex((m) => first && m.id === first.id);
    return this.messages.slice(0, Math.max(at, 0)).filter((m) => !m.status);
  }

  /** The server stores a failure as a plain text: its "Try again" is remembered by this tab. */
  #restoreFailure(failure) {
    const last = this.messages.at(-1);
    if (!failure || last?.role !== "system" || last.text !== failure.text) return;
    this.#replace(last, { key: failure.key, failure: failure.failure });
  }

  #awaitsAnswer() {
    const last = this.messages.at(-1);
    const asked = last?.role === "customer" && !last.status && this.status === "open";
    return asked && Date.now() - Date.parse(last.created_at) < RECENT;
  }

  #accepted({ id, message: serverId, turn }) {
    const local = this.messages.find((m) => m.client_id === id);
    if (local) this.#replace(local, { id: serverId, ...ACCEPTED });
    this.#putBefore(turn, id);
    if (turn !== this.live?.turn && !this.#ended.has(turn)) this.#queued = turn;
  }

  /** A message whose acknowledgement comes after its answer stands before it all the same. */
  #putBefore(turn, clientId) {
    const answer = this.messages.findIndex((m) => m.key === turn);
    const question = this.messages.findIndex((m) => m.client_id === clientId);
    if (answer < 0 || question < answer) return;
    const messages = [...this.messages];
    messages.splice(answer, 0, ...messages.splice(question, 1));
    this.messages = messages;
  }

  #add(message) {
    const same = (m) => m.id === message.id || (message.client_id && m.client_id === message.client_id);
    const here = this.messages.find(same);
    if (here) {
      this.#replace(here, { ...message, ...ACCEPTED });
      return;
    }
    this.messages = [...this.messages, keyed(message)];
    this.#settle();
    if (this.#awaitsAnswer() && !this.live) this.#queued ||= "unknown";
  }

  #start(turn, anew = false) {
    if (this.#ended.has(turn)) return null;
    if (["unknown", turn].includes(this.#queued)) this.#queued = "";
    if (this.live?.turn !== turn) this.live = new LiveAnswer(turn);
    else if (anew) this.live.reset();
    return this.live;
  }

  #finish(turn, message) {
    this.#ended.add(turn);
    if (["unknown", turn].includes(this.#queued)) this.#queued = "";
    if (this.live?.turn === turn) this.live = null;
    if (this.messages.some((m) => m.id === message.id)) return;
    this.messages = [...this.messages, { ...message, key: turn }];
    this.#settle();
  }

  /** The server keeps a failure as a message of its own, which a `ready` may have shown already. */
  #fail(frame) {
    const notice = failureNotice(frame);
    const last = this.messages.findLast((m) => !m.status);
    const stored = last?.role === "system" && last.text === notice.text && !last.failure;
    this.#finish(frame.turn, stored ? last : notice);
    if (stored) this.#replace(last, { failure: notice.failure });
  }

  #failed({ code, detail, retry_after, id }) {
    const message = this.messages.find((m) => id && m.client_id === id);
    if (!message) return;
    const tries = code === "internal" ? (message.tries ?? 0) + 1 : TRIES;
    if (tries < TRIES) this.#replace(message, { tries });
    else this.#replace(message, { status: "failed", error: { code, detail, retry_after }, tries: 0 });
  }

  #replace(message, changes) {
    this.messages = this.messages.map((m) => (m === message ? { ...m, ...changes } : m));
    this.#settle();
  }

  /** Keeps what is on its way to the server behind what it has. */
  #settle() {
    const rest = this.messages.filter((m) => m.status !== "sending");
    this.messages = [...rest, ...this.unsent];
  }
}

const ACCEPTED = { status: undefined, error: undefined, tries: undefined };

function keyed(message, known) {
  return { ...message, key: known?.key ?? message.client_id ?? message.id };
}

function failureNotice({ turn, code, text, retryable }) {
  const created_at = new Date().toISOString();
  return { id: `failed-${turn}`, role: "system", text, created_at, failure: { code, retryable } };
}
