"""What a page does that nobody asked it to: scripts that run, addresses that are asked."""

from playwright.sync_api import BrowserContext, Dialog, Page, Request


class Watch:
    """Follows every page of a browser. `seen` is what they did; nothing, where all is well.

    Payloads call `ran`, or `alert` as payloads by others do. What is asked of any server but the
    page's own is noted; Chromium finds none but those of this machine.
    """

    def __init__(self, context: BrowserContext, own: str) -> None:
        self.seen: list[str] = []
        self._own = own
        context.expose_binding("ran", lambda _, number=None: self.seen.append(f"ran {number}"))
        context.on("request", self._note)
        context.on("page", self._follow)

    def _follow(self, page: Page) -> None:
        page.on("dialog", self._dismiss)
        page.on("popup", lambda popup: self.seen.append(f"opened {popup.url}"))

    def _dismiss(self, dialog: Dialog) -> None:
        self.seen.append(f"said {dialog.message}")
        dialog.dismiss()

    def _note(self, request: Request) -> None:
        if not self._is_own(request.url):
            self.seen.append(f"asked {request.url[:200]}")

    def _is_own(self, url: str) -> bool:
        return url.startswith((self._own, "about:", "chrome-error:"))
