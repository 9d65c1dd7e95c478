import { parseBlocks } from "./markdown-blocks.js";
import { inlineNodes } from "./markdown-inline.js";

/**
 * @typedef {import("./markdown-inline.js").Context} Context
 * @typedef {import("./markdown-blocks.js").Block} Block
 */

/** What a streamed text may end with that is no text yet: the beginning of a mark. */
const UNFINISHED = /(?:^|\n) *(?:[-+]|\*{1,3}|#{1,6}|>|`{1,2}|\d{1,3}[.)]) *$|[*_~]+$/;

/**
 * Shows a Markdown text in an element, and shows it again as it grows: blocks that did not change
 * keep their nodes, so that a reader's selection stays and long answers stay cheap.
 */
export class MarkdownView {
  #sources = [];
  #blocks = [];

  /** @param {HTMLElement} container */
  constructor(container) {
    this.container = container;
  }

  /** @param {string} text @param {Context} context */
  show(text, context) {
    const blocks = parseBlocks(context.streaming ? text.replace(UNFINISHED, "") : text);
    const edition = context.edition ?? "";
    const sources = blocks.map((block, index) => {
      const open = context.streaming && index === blocks.length - 1;
      return `${open ? "open" : ""}${edition}\n${block.source}`;
    });
    const same = sources.findIndex((source, index) => source !== this.#sources[index]);
    this.#keep(same < 0 ? sources.length : same);
    for (const [index, block] of blocks.entries()) {
      if (index < this.#blocks.length) continue;
      const streaming = context.streaming && index === blocks.length - 1;
      const node = blockNode(block, { ...context, streaming });
      this.#blocks.push(node);
      this.container.append(node);
    }
    this.#sources = sources;
  }

  #keep(count) {
    for (const node of this.#blocks.splice(count)) node.remove();
  }
}

/** @param {Block} block @param {Context} context @returns {HTMLElement} */
function blockNode(block, context) {
  switch (block.type) {
    case "code":
      return element("pre", [element("code", [block.text])]);
    case "heading":
      return element("p", [element("strong", inlineNodes(block.text, context))], "heading");
    case "rule":
      return element("hr", []);
    case "quote":
      return element("blockquote", nested(block.blocks, context));
    case "list":
      return listNode(block, context);
    case "table":
      return tableNode(block, context);
    default:
      return element("p", inlineNodes(block.text.trimEnd(), context));
  }
}

function element(tag, children, className) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** Only the last of several blocks may still be growing. */
function nested(blocks, context) {
  return blocks.map((block, index) => {
    const streaming = context.streaming && index === blocks.length - 1;
    return blockNode(block, { ...context, streaming });
  });
}

function listNode({ start, items }, context) {
  const list = element(start === null ? "ul" : "ol", []);
  if (start !== null && start !== 1) list.start = start;
  for (const [index, item] of items.entries()) {
    const streaming = context.streaming && index === items.length - 1;
    list.append(element("li", itemNodes(item, { ...context, streaming })));
  }
  return list;
}

/** The usual item is one line of text: it needs no paragraph around it. */
function itemNodes(blocks, context) {
  const [first, ...rest] = blocks;
  if (first?.type !== "paragraph") return nested(blocks, context);
  const streaming = context.streaming && rest.length === 0;
  return [...inlineNodes(first.text, { ...context, streaming }), ...nested(rest, context)];
}

function tableNode({ head, rows }, context) {
  const row = (tag, cells) =>
    element("tr", cells.map((cell) => element(tag, inlineNodes(cell, { ...context, streaming: false }))));
  const table = element("table", [
    element("thead", [row("th", head)]),
    element("tbody", rows.map((cells) => row("td", cells))),
  ]);
  const frame = element("div", [table], "table");
  frame.tabIndex = 0; // it may scroll sideways, and must do so for a keyboard too
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", context.tableLabel);
  return frame;
}
