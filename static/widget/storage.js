/**
 * Web storage that never throws: in a sandboxed frame or with cookies blocked even reading
 * `localStorage` does. What cannot be kept lives as long as the page.
 */
class SafeStorage {
  /** @param {() => Storage} open */
  constructor(open) {
    this.open = open;
    this.memory = new Map();
  }

  /** @param {string} key */
  read(key) {
    try {
      return JSON.parse(this.open().getItem(key) ?? "null") ?? this.memory.get(key) ?? null;
    } catch {
      return this.memory.get(key) ?? null;
    }
  }

  /** @param {string} key @param {unknown} value `null` forgets the key. */
  write(key, value) {
    this.memory.set(key, value);
    try {
      if (value === null) this.open().removeItem(key);
      else this.open().setItem(key, JSON.stringify(value));
    } catch {
      // Full or forbidden: the copy in memory has to do.
    }
  }
}

/** Shared by all tabs: the session. */
export const shared = new SafeStorage(() => window.localStorage);

/** This tab's own: what is unsent, the draft, whether the panel is open. */
export const own = new SafeStorage(() => window.sessionStorage);
