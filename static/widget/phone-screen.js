/** Up to this width the panel covers the whole screen. The style sheet says the same. */
const PHONE = "(max-width: 480px)";

/**
 * On a phone the panel is a screen of its own: the page behind it stands still, Tab stays inside, and
 * the panel is as high as what the on-screen keyboard leaves.
 */
export class PhoneScreen {
  #open = false;
  #overflow = "";

  /** @param {HTMLElement} panel */
  constructor(panel) {
    this.panel = panel;
    this.phone = matchMedia(PHONE);
    panel.addEventListener("keydown", (event) => this.#keepInside(event));
  }

  /** @param {boolean} open whether the panel is open */
  cover(open) {
    if (open === this.#open) return;
    this.#open = open;
    const change = open ? "addEventListener" : "removeEventListener";
    this.phone[change]("change", this.#fit);
    window.visualViewport?.[change]("resize", this.#fit);
    window.visualViewport?.[change]("scroll", this.#fit);
    this.#fit();
  }

  #fit = () => {
    const covers = this.#open && this.phone.matches;
    if (covers) this.panel.setAttribute("aria-modal", "true");
    else this.panel.removeAttribute("aria-modal");
    this.#lock(covers);
    const { height, offsetTop } = window.visualViewport ?? {};
    // Where nothing covers the page, 100dvh is right and follows the browser's bars smoothly.
    const shrunk = covers && height && height < window.innerHeight - 1;
    this.panel.style.setProperty("--screen-height", shrunk ? `${height}px` : "100dvh");
    this.panel.style.setProperty("--screen-top", shrunk ? `${offsetTop}px` : "0px");
  };

  #lock(lock) {
    const { style } = document.documentElement;
    if (lock && style.overflow !== "hidden") {
      this.#overflow = style.overflow;
      style.overflow = "hidden";
    } else if (!lock && style.overflow === "hidden") {
      style.overflow = this.#overflow;
    }
  }

  #keepInside(event) {
    if (event.key !== "Tab" || !this.phone.matches) return;
    const stops = [...this.panel.querySelectorAll("a[href], button, input, textarea, [tabindex='0']")];
    const seen = stops.filter((stop) => !stop.disabled && stop.checkVisibility());
    const edge = event.shiftKey ? seen[0] : seen.at(-1);
    if (this.panel.getRootNode().activeElement !== edge) return;
    event.preventDefault();
    (event.shiftKey ? seen.at(-1) : seen[0]).focus();
  }
}
