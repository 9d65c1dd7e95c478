import { codePoints } from "./ids.js";

/**
 * The answer of a running turn, as far as it has come. Every piece of text carries its offset in
 * code points: a piece that is ahead waits until the gap before it is filled, a piece that is
 * behind is compared with what is here, and text that does not fit is asked for again.
 */
export class LiveAnswer {
  text = "";
  /** Code points of `text`. */
  length = 0;
  /** @type {{ordinal: number, name: string, label: string, finished: boolean}[]} */
  tools = [];
  receipts = [];
  /** Whether text is missing, or is not what the server has. */
  broken = false;
  /** Raised by every change, for a view. */
  version = 0;
  #ahead = new Map();
  #request = null;
  #starting = false;
  #askedFrom = 0;

  /** @param {string} turn */
  constructor(turn) {
    this.turn = turn;
  }

  /** The state that `ready` tells. It is taken as it is: ours may stem from an attempt since reset. */
  static resumed({ turn, text, tools }, before) {
    const live = new LiveAnswer(turn);
    live.#set(text);
    live.tools = [...tools];
    if (before?.turn === turn) live.receipts = before.receipts;
    return live;
  }

  /** @param {number} offset @param {string} text */
  write(offset, text) {
    if (this.#starting && offset === 0) {
      this.#set(text); // the whole text, which we asked for
    } else if (offset > this.length) {
      this.#ahead.set(offset, text);
      this.#ask(this.length);
    } else if (!this.#extend(offset, text)) {
      this.#ask(0);
    }
    this.#catchUp();
  }

  reset() {
    this.#set("");
    this.tools = [];
    this.receipts = [];
    this.#ahead.clear();
  }

  tool({ ordinal, name, label, receipt }, finished) {
    const others = this.tools.filter((tool) => tool.ordinal !== ordinal);
    this.tools = [...others, { ordinal, name, label, finished }];
    this.tools.sort((a, b) => a.ordinal - b.ordinal);
    if (receipt) this.receipts = [...this.receipts, receipt];
    this.version += 1;
  }

  /** The frames this answer wants sent, once. */
  takeRequest() {
    const request = this.#request;
    this.#request = null;
    return request ? [request] : [];
  }

  /** Asks again, for when the answer to a request was lost. */
  askAgain() {
    const offset = this.#starting ? 0 : this.length;
    if (this.broken) this.#request = { type: "sync", turn: this.turn, offset };
    return this.takeRequest();
  }

  snapshot() {
    const { turn, text, tools, receipts, broken } = this;
    return { turn, text, tools, receipts, broken };
  }

  #set(text) {
    this.text = text;
    this.length = codePoints(text);
    this.broken = this.#starting = false;
    this.#request = null;
    this.version += 1;
  }

  /** Adds what is new of a piece that begins within the text. False where it contradicts the text. */
  #extend(offset, text) {
    if (offset === this.length) {
      this.text += text;
      this.length += codePoints(text);
    } else {
      const tail = Array.from(this.text).slice(offset).join("");
      if (tail.startsWith(text)) return true;
      if (!text.startsWith(tail)) return false;
      this.text += text.slice(tail.length);
      this.length = codePoints(this.text);
    }
    this.version += 1;
    return true;
  }

  #ask(offset) {
    if (this.broken && (this.#starting || offset > 0)) return; // asked already
    this.broken = true;
    this.#starting = offset === 0;
    this.#askedFrom = offset;
    this.#request = { type: "sync", turn: this.turn, offset };
  }

  /** Takes the pieces that waited, as far as they fit now. */
  #catchUp() {
    for (const [offset, text] of [...this.#ahead].sort(([a], [b]) => a - b)) {
      if (offset > this.length) return this.#askOn();
      this.#ahead.delete(offset);
      this.#extend(offset, text);
    }
    if (!this.#starting) this.broken = false;
  }

  /** Some of the gap was filled, not all: an older snapshot answered. Asks for the rest. */
  #askOn() {
    if (this.length === this.#askedFrom || this.#starting) return;
    this.broken = false;
    this.#ask(this.length);
  }
}
