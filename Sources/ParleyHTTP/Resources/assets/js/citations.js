// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// Numbers in square brackets that refer to an answer's sources. What is one is the server's rule too, which lists the
// sources in an export: `Citations` in Sources/ParleyChat.

/** The longest range that is taken for one. */
const LONGEST_RANGE = 50;
/** Nothing but numbers, commas, semicolons and dashes; what a `(` follows is a link. */
const BRACKET = "\\[([\\d ,;\\-–—]{1,59})\\](?!\\()";

/**
 * Splits the text of one element at its citations: strings, and numbers that occur among the sources. `[1, 2]` gives
 * both.
 *
 * @param beginsLine whether the text is the beginning of a line
 */
export function splitCitations(text, numbers, beginsLine = true) {
  const parts = [];
  let index = 0;
  for (const match of text.matchAll(new RegExp(` ?${BRACKET}`, "gu"))) {
    const end = match.index + match[0].length;
    const cited = citedNumbers(match[1]);
    const isDefinition = text[end] === ":" && isLineStart(text, match.index, beginsLine);
    if (isDefinition || cited.length === 0 || !cited.every((number) => numbers.has(number))) continue;
    if (match.index > index) parts.push(text.slice(index, match.index));
    parts.push(...cited);
    index = end;
  }
  if (index < text.length) parts.push(text.slice(index));
  return parts;
}

/** The sources that an answer refers to, in their order; none when it refers to none. */
export function usedSources(text, sources) {
  const used = usedNumbers(text);
  return sources.filter((source) => used.has(source.n));
}

/** The numbers that a text in Markdown cites. */
function usedNumbers(text) {
  const used = new Set();
  const token = new RegExp(`^ {0,3}(?<fence>\`{3,}|~{3,})|\`+|\\\\.|${BRACKET}`, "gmsu");
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const { fence } = match.groups;
    const inside = match[2];
    if (fence) token.lastIndex = endOfFenced(text, token.lastIndex, fence);
    else if (match[0].startsWith("`")) token.lastIndex = endOfCode(text, token.lastIndex, match[0]);
    else if (inside && !(text[token.lastIndex] === ":" && isLineStart(text, match.index))) {
      for (const number of citedNumbers(inside)) used.add(number);
    }
  }
  return used;
}

/** The end of the line that closes fenced code, or of the text. */
function endOfFenced(text, index, fence) {
  const close = new RegExp(`\n {0,3}${fence}[^\n]*`, "gu");
  close.lastIndex = index;
  return close.exec(text) ? close.lastIndex : text.length;
}

/** Behind as many backticks as inline code began with; `index`, behind these alone, when it has no end. */
function endOfCode(text, index, ticks) {
  const run = /`+|\n\n/gu;
  run.lastIndex = index;
  for (let match = run.exec(text); match && match[0] !== "\n\n"; match = run.exec(text)) {
    if (match[0] === ticks) return run.lastIndex;
  }
  return index;
}

function isLineStart(text, index, beginsLine = true) {
  return index === 0 ? beginsLine : text[index - 1] === "\n";
}

/** The numbers of `1, 2; 4-6`; none when there is anything else. */
function citedNumbers(inside) {
  const numbers = [];
  for (const part of inside.split(/[,;]/u)) {
    const match = /^ *(\d{1,3}) *(?:[\-–—] *(\d{1,3}) *)?$/u.exec(part);
    const first = Number(match?.[1] ?? 0);
    const last = Number(match?.[2] ?? first);
    if (first === 0 || last < first || last - first >= LONGEST_RANGE) return [];
    for (let number = first; number <= last; number += 1) numbers.push(number);
  }
  return numbers;
}

/** Whether a link in an answer may be followed: the web and mail, nothing else. */
export function isSafeLink(address) {
  try {
    const url = new URL(address);
    return ["http:", "https:", "mailto:"].includes(url.protocol);
  } catch {
    return false;
  }
}
