import { Connection } from "./connection.js";
import { Session } from "./session.js";
import { own } from "./storage.js";
import { Transcript } from "./transcript.js";

/** How long the answer to a `sync` may take before it is asked for again. */
const SYNC_PATIENCE = 2_000;
/**
 * A message that is not accepted for so long is sent again under its id, and an awaited turn that is
 * not heard of for so long is asked for: what travels between servers may be lost.
 */
const UNHEARD = 4_000;
/** Characters the server refuses, pasted from who knows where. */
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;

/** One customer's chat: session, connection and transcript together. Knows no DOM. */
export class Chat {
  /** When each message was last sent, by its id, and when a turn was last heard of. */
  #sentAt = new Map();
  #heardAt = 0;

  /**
   * @param {{server: string, identity: string}} who
   * @param {(event?: object) => void} onChange called after every change, with the frame that
   *   caused it
   */
  constructor({ server, identity }, onChange) {
    this.onChange = onChange;
    this.session = new Session(server, identity);
    this.transcript = new Transcript();
    this.ratings = new Map();
    this.connection = new Connection(this.session, {
      onFrame: (frame) => this.#hear(frame),
      onState: () => this.onChange(),
      position: () => this.#position(),
    });
    for (const { text, id } of own.read(this.#outbox) ?? []) this.transcript.addLocal(text, id);
  }

  /** A turn is only known in its own conversation, and that may have been replaced meanwhile. */
  #position() {
    const here = this.transcript.conversation === this.session.conversation;
    return here ? this.transcript.position() : {};
  }

  get state() {
    return this.connection.state;
  }

  get #outbox() {
    return `${this.session.key}:outbox`;
  }

  /** Where the draft of this customer is kept, in this tab. */
  get draftKey() {
    return `${this.session.key}:draft`;
  }

  /** Before the customer opened anything: trades a short-lived identity in, and looks for news. */
  async warmUp() {
    const { session } = this;
    if (session.identity && !session.token) await session.ensure().catch(() => {});
    if (session.used) this.connect();
  }

  connect() {
    this.connection.start();
    this.syncTimer ??= setInterval(() => this.#nudge(), SYNC_PATIENCE);
  }

  /** Leaves: closes the connection and listens no more. */
  stop() {
    this.onChange = () => {};
    clearInterval(this.syncTimer);
    this.connection.stop();
  }

  /** Sends a message, now or as soon as there is a connection. */
  send(text) {
    const clean = text.replace(/\r\n?/g, "\n").replace(CONTROL, "").trim();
    if (!clean) return;
    this.transcript.addLocal(clean);
    this.#flush(this.transcript.unsent.slice(-1));
  }

  /** Tries a message again that the server refused. */
  retry(clientId) {
    this.transcript.resend(clientId);
    this.#flush(this.transcript.unsent);
  }

  /** Gives up on a message that the server refused. */
  discard(clientId) {
    this.transcript.discard(clientId);
    this.onChange();
  }

  /** Asks the last question again, after an answer failed. */
  askAgain() {
    const last = this.transcript.messages.findLast((m) => m.role === "customer");
    if (last) this.send(last.text);
  }

  stopAnswer() {
    const { turn } = this.transcript;
    if (turn) this.connection.send({ type: "answer.stop", turn });
  }

  rate(message, rating, comment = "") {
    this.transcript.rate(message, rating);
    this.ratings.set(message, { type: "feedback.send", message, rating, comment });
    this.#flushRatings();
    this.onChange();
  }

  /** Leaves the conversation for a new one. Throws where the server cannot be asked. */
  async startAnew() {
    await this.session.ensure({ fresh: true });
    this.transcript = new Transcript();
    this.#saveOutbox();
    this.connection.reconnect();
    this.connect();
    this.onChange();
  }

  #hear(frame) {
    if (frame.turn || frame.type === "ready") this.#heardAt = Date.now();
    for (const reply of this.transcript.apply(frame)) this.connection.send(reply);
    if (frame.type === "ready") this.#greeted();
    if (["ready", "message.accepted", "error"].includes(frame.type)) this.#saveOutbox();
    this.onChange(frame);
  }

  #greeted() {
    this.session.conversation = this.transcript.conversation;
    if (this.transcript.messages.some((m) => !m.status)) this.session.markUsed();
    this.#flush(this.transcript.unsent);
    this.#flushRatings();
  }

  #flush(messages) {
    this.#saveOutbox();
    for (const { client_id: id, text } of messages) {
      if (!this.connection.send({ type: "message.send", id, text })) continue;
      this.#sentAt.set(id, Date.now());
      this.session.markUsed();
    }
    this.connect();
    this.onChange();
  }

  #flushRatings() {
    for (const [message, frame] of this.ratings) {
      if (this.connection.send(frame)) this.ratings.delete(message);
    }
  }

  /** What is unsent survives a reload of this tab: the same id makes sending it twice harmless. */
  #saveOutbox() {
    const unsent = this.transcript.unsent.map(({ client_id: id, text }) => ({ id, text }));
    own.write(this.#outbox, unsent.length ? unsent : null);
  }

  /** Asks for what should have come by now. */
  #nudge() {
    if (this.state !== "ready") return;
    const due = Date.now() - UNHEARD;
    const { unsent, live, awaited } = this.transcript;
    const late = unsent.filter(({ client_id: id }) => (this.#sentAt.get(id) ?? 0) < due);
    if (late.length) this.#flush(late);
    const frames = live?.askAgain() ?? [];
    if (awaited.length && this.#heardAt < due) {
      this.#heardAt = Date.now();
      frames.push(...awaited.map((turn) => ({ type: "sync", turn, ...this.transcript.known(turn) })));
    }
    for (const frame of frames) this.connection.send(frame);
  }
}
