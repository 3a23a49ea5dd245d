// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// Makes the last, unfinished block of streaming Markdown fit to be shown: open emphasis is closed, half links show
// their words, and marks whose meaning is still open are held back, so that nothing flashes and nothing jumps.

const OPEN_LINE = /(^|\n)[ \t]*(?:[-*+]|\d{1,9}[.)]?|#{1,6}|>+|[-=]+|[*_]{1,3}|`{1,2}|~{1,2}|\$\$?)[ \t]*$/u;
/** A table is held back until its second line has come: before that it is a paragraph with bars. */
const OPEN_TABLE = /(^|\n)[ \t]*\|[^\n]*(?:\n[ \t|:-]*)?$/u;

export function completeMarkdown(source) {
  let text = source;
  const table = OPEN_TABLE.exec(text);
  if (table && isTableStart(text, table)) text = text.slice(0, table.index);
  const open = OPEN_LINE.exec(text);
  if (open) text = text.slice(0, open.index);
  const paragraph = Math.max(text.lastIndexOf("\n\n"), lastItem(text)) + 1;
  return text.slice(0, paragraph) + completeInline(text.slice(paragraph));
}

function isTableStart(text, found) {
  const line = text.slice(0, found.index + found[1].length).split("\n").at(-1);
  const previous = text.slice(0, found.index).split("\n").at(-1);
  return line === "" && !previous.trimStart().startsWith("|");
}

/** The start of the last list item, heading or quote: emphasis does not reach over it. */
function lastItem(text) {
  const places = [...text.matchAll(/\n(?=\s*(?:[-*+]|\d{1,9}[.)]|#{1,6}|>|\|)\s)/gu)];
  return places.at(-1)?.index ?? -1;
}

function completeInline(source) {
  let text = source;
  const image = /!\[[^\]\n]*(?:\]\([^)\n]*)?$/u.exec(text);
  if (image) text = text.slice(0, image.index);
  const link = /\[([^\]\n]*)\]\([^)\n]*$/u.exec(text);
  if (link) text = text.slice(0, link.index) + link[1];
  const label = /\[([^\]\n]*)$/u.exec(text);
  // A number is a citation to come, a space or an x the box of a task.
  if (label && !isInCode(text, label.index)) {
    text = text.slice(0, label.index) + (/^[\d xX]{0,3}$/u.test(label[1]) ? "" : label[1]);
  }
  const { code, marks, isDangling } = openMarks(text);
  if (code) {
    const place = text.lastIndexOf(code);
    return place + code.length === text.length ? text.slice(0, place) : text.trimEnd() + code;
  }
  if (isDangling) text = text.replace(/[*_~]+$/u, "");
  return marks.length === 0 ? text : text.trimEnd() + marks.reverse().join("");
}

function isInCode(text, index) {
  return openMarks(text.slice(0, index)).code !== "";
}

/** What is open at the end of a text: a code span's backticks, or marks of emphasis, outermost first. */
function openMarks(text) {
  const marks = [];
  let isDangling = false;
  for (let index = 0; index < text.length;) {
    const character = text[index];
    if (character === "\\") {
      index += 2;
      continue;
    }
    if (character === "`") {
      const run = runAt(text, index);
      const end = closingRun(text, index + run.length, run.length);
      if (end < 0) return { code: run, marks, isDangling: false };
      index = end;
      continue;
    }
    if (character === "*" || character === "_" || character === "~") {
      const run = runAt(text, index);
      isDangling = takeRun(text, index, run, marks);
      index += run.length;
      continue;
    }
    index += 1;
  }
  return { code: "", marks, isDangling };
}

function runAt(text, index) {
  let end = index;
  while (text[end] === text[index]) end += 1;
  return text.slice(index, end);
}

/** Opens or closes emphasis; true when the run stands at the very end and closes nothing. */
function takeRun(text, index, run, marks) {
  if (run[0] === "~" && run.length !== 2) return false;
  const before = text[index - 1] ?? " ";
  const after = text[index + run.length] ?? "";
  const isWordInside = run[0] === "_" && /[\p{L}\p{N}]/u.test(before) && /[\p{L}\p{N}]/u.test(after);
  if (isWordInside) return false;
  let rest = run;
  while (rest !== "" && !/\s/u.test(before)) {
    const top = marks.at(-1);
    if (!top || top[0] !== rest[0] || top.length > rest.length) break;
    rest = rest.slice(top.length);
    marks.pop();
  }
  if (rest === "") return false;
  if (after === "") return true;
  if (!/\s/u.test(after)) {
    if (rest.length >= 3) marks.push(rest[0], rest.slice(0, 2));
    else marks.push(rest);
  }
  return false;
}

function closingRun(text, from, length) {
  for (let index = from; index < text.length;) {
    if (text[index] !== "`") {
      index += 1;
      continue;
    }
    const run = runAt(text, index);
    index += run.length;
    if (run.length === length) return index;
  }
  return -1;
}
