/**
 * Markdown text as a list of blocks. Every block knows its source, so that a view of a growing text
 * rebuilds only the blocks that changed.
 *
 * @typedef {{type: "code", text: string} | {type: "heading" | "paragraph", text: string}
 *   | {type: "rule"} | {type: "quote", blocks: Block[]}
 *   | {type: "list", start: number | null, items: Block[][]}
 *   | {type: "table", head: string[], rows: string[][]}} BlockBody
 * @typedef {BlockBody & {source: string}} Block
 */

/** Deeper than this, a list or quote is a paragraph: nobody can read it in a chat anyway. */
const MAX_DEPTH = 3;

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const HEADING = /^ {0,3}#{1,6}[ \t]+(.*?)[ \t]*#*$/;
const RULE = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])(?:[ \t]+(.*)|$)/;
const TABLE_RULE = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;

/** @param {string} text @returns {Block[]} */
export function parseBlocks(text) {
  return blocksOf(text.replace(/\r\n?/g, "\n").replace(/\t/g, "    ").split("\n"), 0);
}

function blocksOf(lines, depth) {
  const blocks = [];
  for (let at = 0; at < lines.length; ) {
    if (!lines[at].trim()) {
      at += 1;
      continue;
    }
    const [block, next] = readBlock(lines, at, depth);
    blocks.push({ ...block, source: lines.slice(at, next).join("\n") });
    at = next;
  }
  return blocks;
}

function readBlock(lines, at, depth) {
  const line = lines[at];
  if (FENCE.test(line)) return readCode(lines, at);
  const heading = HEADING.exec(line);
  if (heading) return [{ type: "heading", text: heading[1] }, at + 1];
  if (RULE.test(line)) return [{ type: "rule" }, at + 1];
  if (depth < MAX_DEPTH && QUOTE.test(line)) return readQuote(lines, at, depth);
  if (depth < MAX_DEPTH && ITEM.test(line)) return readList(lines, at, depth);
  if (isTable(lines, at)) return readTable(lines, at);
  return readParagraph(lines, at, depth);
}

function readCode(lines, at) {
  const fence = FENCE.exec(lines[at])[1];
  const closes = (line) => line.trim().startsWith(fence) && !line.trim().replaceAll(fence[0], "");
  let end = at + 1;
  while (end < lines.length && !closes(lines[end])) end += 1;
  const text = lines.slice(at + 1, end).join("\n");
  return [{ type: "code", text }, Math.min(end + 1, lines.length)];
}

function readQuote(lines, at, depth) {
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end += 1;
  const inner = lines.slice(at, end).map((line) => line.replace(QUOTE, ""));
  return [{ type: "quote", blocks: blocksOf(inner, depth + 1) }, end];
}

function readList(lines, at, depth) {
  const [, indent, marker] = ITEM.exec(lines[at]);
  const ordered = /\d/.test(marker);
  const items = [];
  let next = at;
  while (next < lines.length && startsItem(lines[next], indent.length, ordered)) {
    const end = endOfItem(lines, next, indent.length);
    items.push(blocksOf(itemLines(lines.slice(next, end)), depth + 1));
    next = end;
  }
  return [{ type: "list", start: ordered ? parseInt(marker, 10) : null, items }, next];
}

function startsItem(line, indent, ordered) {
  const match = ITEM.exec(line);
  if (!match || RULE.test(line)) return false;
  return match[1].length <= indent + 1 && /\d/.test(match[2]) === ordered;
}

/** An item goes on with what is indented below it, and with the lines of its paragraph. */
function endOfItem(lines, at, indent) {
  let end = at + 1;
  while (end < lines.length) {
    const line = lines[end];
    if (!line.trim()) {
      const after = lines.slice(end).findIndex((later) => later.trim());
      const follows = after > 0 && (leading(lines[end + after]) > indent + 1 || ITEM.test(lines[end + after]));
      if (!follows) return end;
      end += after;
      if (leading(lines[end]) <= indent + 1) return end;
    } else if (leading(line) <= indent + 1 && interrupts(line)) {
      return end;
    } else {
      end += 1;
    }
  }
  return end;
}

function itemLines([first, ...rest]) {
  const indents = rest.filter((line) => line.trim()).map(leading);
  const cut = Math.min(...indents, 8);
  return [ITEM.exec(first)[3] ?? "", ...rest.map((line) => line.slice(cut))];
}

function leading(line) {
  return line.length - line.trimStart().length;
}

function interrupts(line) {
  return [FENCE, HEADING, RULE, QUOTE, ITEM].some((pattern) => pattern.test(line));
}

function isTable(lines, at) {
  return lines[at].includes("|") && at + 1 < lines.length && lines[at + 1].includes("-") && TABLE_RULE.test(lines[at + 1]);
}

function readTable(lines, at) {
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|")) end += 1;
  const rows = lines.slice(at + 2, end).map(cells);
  return [{ type: "table", head: cells(lines[at]), rows }, end];
}

function cells(line) {
  return line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
}

function readParagraph(lines, at, depth) {
  let end = at + 1;
  const goesOn = (line) => line.trim() && (depth >= MAX_DEPTH || !interrupts(line));
  while (end < lines.length && goesOn(lines[end]) && !isTable(lines, end)) end += 1;
  const text = lines.slice(at, end).map((line) => line.trimStart()).join("\n");
  return [{ type: "paragraph", text }, end];
}
