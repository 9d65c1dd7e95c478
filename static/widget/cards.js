import { h, icon } from "./dom.js";

/**
 * Where a citation leads, or null: article addresses are relative to the bot's server. An article
 * that is not for everybody has no page, and so no address.
 * @param {{url: string}} citation @param {string} server
 */
export function articleUrl(citation, server) {
  if (!citation.url) return null;
  try {
    const url = new URL(citation.url, server);
    return ["https:", "http:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** The mark `[1]` in a text: a link to its source, or a mere number while sources are not known. */
export function citationMark(number, citation, { server, strings }) {
  const label = citation && strings.t("source", { n: number, title: citation.title });
  const href = citation && articleUrl(citation, server);
  const mark = href
    ? h("a", { class: "cite", href, target: "_blank", rel: "noopener", "aria-label": label, title: citation.title }, String(number))
    : h("span", { class: "cite" }, String(number));
  return h("sup", {}, mark);
}

/** The sources of an answer, as a list of cards that open the article. */
export function sourceList(citations, { server, strings }) {
  if (!citations?.length) return null;
  const items = citations.map((citation, index) => sourceCard(citation, index + 1, server, strings));
  return h("ol", { class: "sources", "aria-label": strings.t("sources") }, ...items);
}

function sourceCard(citation, number, server, strings) {
  const { title, heading } = citation;
  const href = articleUrl(citation, server);
  const words = h(
    "span",
    { class: "words" },
    h("span", { class: "title" }, title),
    heading && heading !== title && h("span", { class: "detail" }, heading),
    href && h("span", { class: "unseen" }, ` (${strings.t("newTab")})`),
  );
  const badge = h("span", { class: "number", "aria-hidden": "true" }, String(number));
  const link = { class: "source", href, target: "_blank", rel: "noopener" };
  return h("li", {}, h(href ? "a" : "span", href ? link : { class: "source" }, badge, words, href && icon("out")));
}

/** What tools did, as cards: proof from the server, not words of a model. */
export function receiptCards(receipts) {
  return (receipts ?? []).map(({ title, fields, tone }) => {
    const symbol = { success: "check", warning: "alert" }[tone] ?? "receipt";
    const rows = (fields ?? []).map(({ label, value }) => h("div", {}, h("dt", {}, label), h("dd", {}, value)));
    return h(
      "section",
      { class: `receipt ${toneOf(tone)}`, "aria-label": title },
      h("div", { class: "receipt-title" }, icon(symbol), h("span", {}, title)),
      rows.length > 0 && h("dl", {}, ...rows),
    );
  });
}

function toneOf(tone) {
  return ["success", "warning"].includes(tone) ? tone : "neutral";
}

/** What an answer's tools are at: a line each, spinning until it is done. */
export function toolLines(tools) {
  return tools.map(({ label, finished }) =>
    h(
      "div",
      { class: finished ? "tool done" : "tool" },
      finished ? icon("check") : h("span", { class: "spinner", "aria-hidden": "true" }),
      h("span", {}, label),
    ),
  );
}
