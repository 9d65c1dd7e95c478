/**
 * The inline half of Markdown: a text becomes DOM nodes made one by one. There is no way from a text
 * to an attribute but through `safeUrl`, and no way to markup at all.
 *
 * @typedef {object} Context
 * @property {string} base where relative links lead
 * @property {boolean} streaming whether the text may go on
 * @property {(number: number) => Node | null} cite makes the mark of a source, or null
 * @property {boolean} [inLink] a link holds no further links
 */

const MAX_DEPTH = 6;
const SCHEMES = new Set(["https:", "http:", "mailto:"]);
const ESCAPABLE = /[!-/:-@[-`{-~]/;
const BARE_LINK = /https?:\/\/[^\s<>"'`\\[\]{}|^]+/y;
const ANGLE_LINK = /<((?:https?:\/\/|mailto:)[^\s<>]+|[^\s<>@]+@[^\s<>@]+\.[^\s<>@]+)>/y;
const ENTITY = /&(amp|lt|gt|quot|apos|nbsp|#39|#x27);/y;
const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0", "#39": "'", "#x27": "'" };
const SPECIAL = /[\\`![<*_~h&\n]/;

/**
 * A link that may be followed: web, mail, or a page of the same site. Anything else is null.
 * @param {string} raw @param {string} base @returns {URL | null}
 */
export function safeUrl(raw, base) {
  if (/[\u0000-\u0020\u007f\\]/.test(raw)) return null;
  let url;
  try {
    url = new URL(raw, base);
  } catch {
    return null;
  }
  const relative = !/^[a-z][a-z\d+.-]*:/i.test(raw);
  if (relative) return url.origin === new URL(base).origin && !raw.startsWith("//") ? url : null;
  return SCHEMES.has(url.protocol) && !url.username && !url.password ? url : null;
}

/** @param {string} text @param {Context} context @returns {Node[]} */
export function inlineNodes(text, context, depth = 0) {
  const nodes = [];
  let plain = "";
  for (let at = 0; at < text.length; ) {
    const read = SPECIAL.test(text[at]) && READERS[text[at]](text, at, context, depth);
    if (read) {
      // The mark of a source stays on the line of the word it follows.
      nodes.push(read.follows ? plain.replace(/ $/, "\u00a0") : plain, ...read.nodes);
      plain = "";
    } else {
      plain += text[at];
    }
    at = read ? read.next : at + 1;
  }
  return [...nodes, plain].filter((node) => node !== "").map(asNode);
}

function asNode(node) {
  return typeof node === "string" ? document.createTextNode(node) : node;
}

function wrap(tag, text, context, depth) {
  const element = document.createElement(tag);
  element.append(...(depth < MAX_DEPTH ? inlineNodes(text, context, depth + 1) : [text]));
  return element;
}

/** @param {URL} url @param {(Node | string)[]} content */
function linkTo(url, base, content) {
  const link = document.createElement("a");
  link.href = url.href;
  if (url.origin !== location.origin || new URL(base).origin !== location.origin) {
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
  }
  link.append(...content);
  return link;
}

const READERS = {
  "\\": (text, at) => {
    const next = text[at + 1] ?? "";
    if (next === "\n") return { nodes: [document.createElement("br")], next: at + 2 };
    return ESCAPABLE.test(next) ? { nodes: [next], next: at + 2 } : null;
  },
  "\n": (_text, at) => ({ nodes: [document.createElement("br")], next: at + 1 }),
  "`": readCode,
  "!": readImage,
  "[": readBracket,
  "<": readAngle,
  "*": readEmphasis,
  _: readEmphasis,
  "~": readEmphasis,
  h: readBareLink,
  "&": (text, at) => {
    ENTITY.lastIndex = at;
    const match = ENTITY.exec(text);
    return match && { nodes: [ENTITIES[match[1]]], next: ENTITY.lastIndex };
  },
};

function runLength(text, at) {
  let end = at;
  while (text[end] === text[at]) end += 1;
  return end - at;
}

function readCode(text, at, { streaming }) {
  const length = runLength(text, at);
  let close = at + length;
  while (close < text.length && !(text[close] === "`" && runLength(text, close) === length)) {
    close += text[close] === "`" ? runLength(text, close) : 1;
  }
  if (close >= text.length && !streaming) return { nodes: ["`".repeat(length)], next: at + length };
  const code = document.createElement("code");
  code.textContent = text.slice(at + length, close).trim();
  return { nodes: code.textContent ? [code] : [], next: close + length };
}

function readEmphasis(text, at, context, depth) {
  const mark = text[at];
  const run = runLength(text, at);
  const width = Math.min(run, mark === "~" ? 2 : 3);
  const opens = /\S/.test(text[at + run] ?? " ") && !(mark === "_" && /\w/.test(text[at - 1] ?? " "));
  if (!opens || run > 3 || (mark === "~" && run !== 2)) return { nodes: [mark.repeat(run)], next: at + run };
  const close = closer(text, at + width, mark, width);
  if (close < 0 && !context.streaming) return { nodes: [mark.repeat(run)], next: at + run };
  const inner = text.slice(at + width, close < 0 ? text.length : close).replace(close < 0 ? /[*_~]+$/ : /^$/, "");
  const next = close < 0 ? text.length : close + width;
  return { nodes: [emphasized(mark, width, inner, context, depth)], next };
}

function emphasized(mark, width, inner, context, depth) {
  if (mark === "~") return wrap("del", inner, context, depth);
  if (width < 3) return wrap(width === 2 ? "strong" : "em", inner, context, depth);
  const strong = document.createElement("strong");
  strong.append(wrap("em", inner, context, depth));
  return strong;
}

/** Where the emphasis of `width` marks ends, or -1. */
function closer(text, from, mark, width) {
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    if (text[at] !== mark) continue;
    const run = runLength(text, at);
    const flanks = /\S/.test(text[at - 1]) && !(mark === "_" && /\w/.test(text[at + run] ?? " "));
    const fits = width === 1 ? run !== 2 : run >= width;
    if (flanks && fits && at > from) return at + (width === 1 ? 0 : run - width);
    at += run - 1;
  }
  return -1;
}

/** `[text](address)`, or the mark of a source, `[1]`. */
function readBracket(text, at, context, depth) {
  const mark = /^\[(\d{1,2})\](?!\()/.exec(text.slice(at, at + 6));
  const cited = mark && context.cite(Number(mark[1]));
  if (cited) return { nodes: [cited], next: at + mark[0].length, follows: true };
  if (context.streaming && /^\[\d{0,2}$/.test(text.slice(at))) return { nodes: [], next: text.length };
  const link = !context.inLink && readLink(text, at, context.streaming);
  if (!link) return null;
  const url = link.address === null ? null : safeUrl(link.address, context.base);
  const inner = { ...context, cite: () => null, inLink: true };
  const content = depth < MAX_DEPTH ? inlineNodes(link.label, inner, depth + 1) : [link.label];
  return { nodes: url ? [linkTo(url, context.base, content)] : content, next: link.next };
}

/** An image is never loaded: its address would tell whoever serves it what a text was made to say. */
function readImage(text, at, context) {
  const link = text[at + 1] === "[" && readLink(text, at + 1, context.streaming);
  if (!link) return null;
  const url = link.address === null ? null : safeUrl(link.address, context.base);
  const label = link.label || url?.hostname || "";
  return { nodes: url && !context.inLink ? [linkTo(url, context.base, [label])] : [label], next: link.next };
}

/** The parts of `[label](address "title")`. While a text streams, its end may be missing. */
function readLink(text, at, streaming) {
  const end = closingBracket(text, at);
  if (end < 0 || text[end + 1] !== "(") return null;
  const label = text.slice(at + 1, end);
  const rest = /^\(\s*(?:<([^<>\n]*)>|((?:[^\s()\\]|\([^\s()]*\))*))(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)/.exec(text.slice(end + 1));
  if (rest) return { label, address: rest[1] ?? rest[2], next: end + 1 + rest[0].length };
  const open = streaming && !/[)\n]/.test(text.slice(end + 2));
  return open ? { label, address: null, next: text.length } : null;
}

function closingBracket(text, at) {
  let depth = 0;
  for (let end = at; end < text.length && end < at + 1_000; end += 1) {
    if (text[end] === "\\") end += 1;
    else if (text[end] === "[") depth += 1;
    else if (text[end] === "]" && --depth === 0) return end;
  }
  return -1;
}

function readAngle(text, at, { base, inLink }) {
  ANGLE_LINK.lastIndex = at;
  const match = ANGLE_LINK.exec(text);
  if (!match || inLink) return null;
  const isMail = !/^(?:https?:|mailto:)/i.test(match[1]);
  const url = safeUrl(isMail ? `mailto:${match[1]}` : match[1], base);
  return { nodes: url ? [linkTo(url, base, [match[1]])] : [match[1]], next: ANGLE_LINK.lastIndex };
}

function readBareLink(text, at, { base, inLink }) {
  if (inLink || /\w/.test(text[at - 1] ?? " ")) return null;
  BARE_LINK.lastIndex = at;
  const raw = BARE_LINK.exec(text)?.[0].replace(/[.,;:!?*_~]+$/, "");
  if (!raw) return null;
  const shown = raw.endsWith(")") && !raw.includes("(") ? raw.slice(0, -1) : raw;
  const url = safeUrl(shown, base);
  return url && { nodes: [linkTo(url, base, [shown])], next: at + shown.length };
}
