// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// Splits Markdown into top-level blocks, so that while text streams in only the last block is rendered again. A block
// is a run of lines whose rendering does not depend on other blocks: a paragraph, a heading, a whole list, a fence.

const FENCE = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})(.*)$/u;
const LIST_ITEM = /^ {0,3}(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)/u;
/** A list item that may end a paragraph: it has text and, when numbered, begins at one (CommonMark 5.2). */
const INTERRUPTING_ITEM = /^ {0,3}(?:[-*+]|1[.)])[ \t]+\S/u;
const HEADING = /^ {0,3}#{1,6}(?:[ \t]|$)/u;
const INNER_FENCE = /^\s*(?:[-*+]\s+|\d{1,9}[.)]\s+)?(`{3,}(?=[^`]*$)|~{3,})/u;
const DEFINITION = /^ {0,3}\[[^\]\s^][^\]]*\]:[ \t]*\S+/u;
const THEMATIC_BREAK = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/u;

/** Lines of display mathematics after which an unclosed `$$` is taken for text. */
const MATH_LINES = 60;

function isBlank(line) {
  return /^\s*$/u.test(line);
}

function closesFence(line, mark) {
  const match = /^ {0,3}(`{3,}|~{3,})\s*$/u.exec(line);
  return match !== null && match[1][0] === mark[0] && match[1].length >= mark.length;
}

/** The lines of a text from `start` on, each with its place. The last one may be without its line break. */
function linesFrom(text, start) {
  const lines = [];
  for (let index = start; index < text.length;) {
    const end = text.indexOf("\n", index);
    const stop = end < 0 ? text.length : end;
    lines.push({ text: text.slice(index, stop).replace(/\r$/u, ""), start: index, end: stop, isWhole: end >= 0 });
    index = stop + 1;
  }
  return lines;
}

/**
 * The blocks of a text, in order: `{kind, source, start, isClosed}`; for code also `language` and `code`.
 * `isClosed` is false for a fence or formula whose end has not come.
 */
export function splitBlocks(text, start = 0) {
  const lines = linesFrom(text, start);
  const blocks = [];
  let index = 0;
  while (index < lines.length) {
    if (isBlank(lines[index].text)) {
      index += 1;
      continue;
    }
    const next = takeBlock(lines, index);
    const first = lines[index];
    let last = next.end - 1;
    while (last > index && isBlank(lines[last].text)) last -= 1;
    blocks.push({
      isClosed: true, ...next.block, start: first.start, source: text.slice(first.start, lines[last].end),
    });
    index = next.end;
  }
  return blocks;
}

function takeBlock(lines, index) {
  const line = lines[index].text;
  const fence = FENCE.exec(line);
  if (fence) return takeFence(lines, index, fence);
  const math = takeMath(lines, index);
  if (math) return math;
  if (HEADING.test(line) || THEMATIC_BREAK.test(line)) return { end: index + 1, block: { kind: "text" } };
  if (LIST_ITEM.test(line)) return takeList(lines, index);
  if (/^(?: {4}|\t)/u.test(line)) return takeIndented(lines, index);
  return takeParagraph(lines, index);
}

function takeFence(lines, index, fence) {
  const [, mark, info] = fence;
  const indent = /^ */u.exec(lines[index].text)[0].length;
  const body = [];
  let end = index + 1;
  let isClosed = false;
  while (end < lines.length && !isClosed) {
    isClosed = closesFence(lines[end].text, mark);
    if (!isClosed) body.push(lines[end].text.replace(new RegExp(`^ {0,${indent}}`, "u"), ""));
    end += 1;
  }
  const last = lines.at(-1);
  // A line of fence marks that is still growing is the end to come, not code.
  if (!isClosed && !last.isWhole && body.length > 0 && /^\s*[`~]{1,2}$/u.test(body.at(-1))) body.pop();
  const language = info.trim().split(/[\s{,]/u)[0].toLowerCase();
  return { end, block: { kind: "code", language, code: body.join("\n"), isClosed } };
}

function takeMath(lines, index) {
  const opening = /^ {0,3}(\$\$|\\\[)/u.exec(lines[index].text);
  if (!opening) return null;
  const closing = opening[1] === "$$" ? "$$" : "\\]";
  let rest = lines[index].text.slice(opening[0].length);
  for (let end = index; end < lines.length && end - index < MATH_LINES; end += 1) {
    if (end > index) rest = lines[end].text;
    const place = rest.indexOf(closing);
    if (place < 0) continue;
    // Words after the formula make the whole a paragraph with a formula in it.
    return isBlank(rest.slice(place + 2)) ? { end: end + 1, block: { kind: "math" } } : null;
  }
  return lines.length - index < MATH_LINES ? { end: lines.length, block: { kind: "math", isClosed: false } } : null;
}

function takeList(lines, index) {
  let fence = null;
  let isAfterBlank = false;
  let end = index;
  for (; end < lines.length; end += 1) {
    const line = lines[end].text;
    if (fence) {
      if (closesFence(line.trim(), fence)) fence = null;
      continue;
    }
    if (isBlank(line)) {
      isAfterBlank = true;
      continue;
    }
    const isItem = LIST_ITEM.test(line) && !THEMATIC_BREAK.test(line);
    const isInside = isItem || /^(?: {2,}|\t)/u.test(line);
    if (end > index && !isInside) {
      if (isAfterBlank || HEADING.test(line) || FENCE.test(line) || THEMATIC_BREAK.test(line)) break;
    }
    isAfterBlank = false;
    fence = INNER_FENCE.exec(line)?.[1] ?? null;
  }
  return { end, block: { kind: "text" } };
}

function takeIndented(lines, index) {
  let end = index + 1;
  for (; end < lines.length; end += 1) {
    const line = lines[end].text;
    if (!isBlank(line) && !/^(?: {4}|\t)/u.test(line)) break;
  }
  return { end, block: { kind: "text" } };
}

function takeParagraph(lines, index) {
  let end = index + 1;
  for (; end < lines.length; end += 1) {
    const line = lines[end].text;
    if (isBlank(line) || HEADING.test(line) || FENCE.test(line) || INTERRUPTING_ITEM.test(line)) break;
  }
  return { end, block: { kind: "text" } };
}

/** Link definitions such as `[name]: https://…`, which hold for all blocks; empty when there are none. */
export function definitions(blocks) {
  const found = [];
  for (const block of blocks) {
    if (block.kind !== "text" || !block.source.includes("]:")) continue;
    found.push(...block.source.split("\n").filter((line) => DEFINITION.test(line)));
  }
  return found.join("\n");
}

/** Keeps the blocks of a growing text and scans only from the first block that may have changed. */
export class BlockSplitter {
  #text = "";
  #blocks = [];

  /** The blocks of the text. Those before the change are the same objects as last time. */
  update(text) {
    let same = this.#blocks.length;
    if (text.startsWith(this.#text)) {
      same -= 1;
    } else {
      const common = commonLength(this.#text, text);
      while (same > 0 && this.#blocks[same - 1].start + this.#blocks[same - 1].source.length >= common) same -= 1;
      same -= 1;
    }
    same = Math.max(0, same);
    const start = this.#blocks[same]?.start ?? 0;
    const rest = splitBlocks(text, start);
    this.#blocks = [...this.#blocks.slice(0, same), ...rest];
    this.#text = text;
    return this.#blocks;
  }
}

function commonLength(left, right) {
  const limit = Math.min(left.length, right.length);
  let index = 0;
  while (index < limit && left.charCodeAt(index) === right.charCodeAt(index)) index += 1;
  return index;
}
