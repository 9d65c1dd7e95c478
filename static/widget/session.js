import { shortHash, subjectOf } from "./ids.js";
import { shared } from "./storage.js";

/** The server refused to give a session. `code` is its word, `status` the HTTP status. */
export class SessionError extends Error {
  /** @param {number} status @param {string} code @param {string} detail @param {number} retryAfter */
  constructor(status, code, detail, retryAfter) {
    super(detail);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }

  /** Whether what we showed was refused, as opposed to a server in trouble. */
  get refused() {
    return [400, 401, 403].includes(this.status);
  }
}

/**
 * The visitor's session on this browser: a token and the conversation it was last used for. Each
 * customer of the host site has their own, and so has the guest.
 */
export class Session {
  #asking = Promise.resolve();

  /** @param {string} server @param {string} identity the host site's signed identity, or "" */
  constructor(server, identity) {
    this.server = server;
    this.identity = identity;
    this.#use(identity ? shortHash(subjectOf(identity)) : "guest");
  }

  #use(subject) {
    this.key = `supportbot:${this.server}:${subject}`;
    const kept = shared.read(this.key) ?? {};
    this.token = kept.token ?? "";
    this.conversation = kept.conversation ?? "";
    this.used = kept.used ?? false;
  }

  #keep() {
    const { token, conversation, used } = this;
    shared.write(this.key, token ? { token, conversation, used } : null);
  }

  /** Remembers that something was said: the next page connects without waiting to be opened. */
  markUsed() {
    if (this.used) return;
    this.used = true;
    this.#keep();
  }

  /** Drops a token that the server no longer takes. */
  forget() {
    this.token = this.conversation = "";
    this.used = false;
    this.#keep();
  }

  /** Makes sure that there is a token and a conversation; `fresh` asks for a new conversation. */
  async ensure({ fresh = false } = {}) {
    // One at a time: an identity works once, and two requests with it would end as a guest.
    const turn = this.#asking.catch(() => {}).then(() => this.#ensure(fresh));
    this.#asking = turn;
    return turn;
  }

  async #ensure(fresh) {
    if (this.token && this.conversation && !fresh) return;
    try {
      await this.#ask(fresh);
    } catch (error) {
      if (!(error instanceof SessionError && error.refused) || !this.#stepDown(error)) throw error;
      await this.#ensure(fresh);
    }
  }

  /**
   * What to try when the server refused what we showed: first without the kept token, then as a
   * guest. An identity lives for minutes and works once; help must not end with it.
   */
  #stepDown(error) {
    if (this.token) {
      this.forget();
      return true;
    }
    if (!this.identity) return false;
    console.warn(`supportbot: the identity was refused (${error.message}); going on as a guest`);
    this.identity = "";
    this.#use("guest");
    return true;
  }

  async #ask(fresh) {
    const body = {};
    if (this.token) body.token = this.token;
    else if (this.identity) body.identity = this.identity;
    if (fresh) body.new = true;
    const answer = await post(`${this.server}/api/session`, body);
    this.token = answer.token;
    this.conversation = answer.conversation;
    if (fresh) this.used = false;
    this.#keep();
  }
}

async function post(url, body) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    credentials: "omit",
    signal: AbortSignal.timeout(15_000),
  });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const wait = Number(response.headers.get("retry-after")) || answer.retry_after || 0;
  const detail = answer.detail ?? `HTTP ${response.status}`;
  throw new SessionError(response.status, answer.code ?? "", detail, wait);
}
