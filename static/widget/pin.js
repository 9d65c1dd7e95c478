/** This near to the end counts as being there: a fraction of a line. */
const NEAR = 24;

/** Keeps a scroller at its end as it grows, but only for a reader who is there. */
export class Pin {
  pinned = true;
  /** Nothing was said yet: what stands there is read from its beginning. */
  empty = false;
  #last = 0;

  /** @param {HTMLElement} scroller @param {() => void} onBottom called when the reader is at the end */
  constructor(scroller, onBottom) {
    this.scroller = scroller;
    this.onBottom = onBottom;
    scroller.addEventListener("scroll", () => this.#look(), { passive: true });
    // The composer grows, a keyboard opens: the last line stays in sight.
    new ResizeObserver(() => this.follow()).observe(scroller);
  }

  /** Goes to the end if the reader was there; tells whether. */
  follow() {
    if (this.pinned && !this.empty) this.toBottom(false);
    return this.pinned;
  }

  /** @param {boolean} smooth */
  toBottom(smooth) {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.pinned = true;
    this.scroller.scrollTo({ top: this.scroller.scrollHeight, behavior: smooth && !calm ? "smooth" : "instant" });
    this.#last = this.scroller.scrollTop;
    this.onBottom();
  }

  #look() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    const rest = scrollHeight - clientHeight - scrollTop;
    // Scrolling up, however little, is a wish to read: only the very end keeps the pin then.
    const upwards = scrollTop < this.#last;
    this.#last = scrollTop;
    if (rest < (upwards ? 2 : NEAR)) {
      this.pinned = true;
      this.onBottom();
    } else if (upwards) {
      this.pinned = false;
    }
  }
}
