// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// Finds formulas in Markdown before it is parsed: $…$, $$…$$, \(…\) and \[…\]. Each is replaced by a place-holder of
// two private characters around its number, which Markdown carries through as ordinary text.
// Prices are not formulas: an opening `$` has no space after it and no letter or digit before it, a closing one no
// space before it and no digit after it (the rule of pandoc's tex_math_dollars).

const OPEN = "\uE010";
const CLOSE = "\uE011";
/** Characters of one inline formula, at most. */
const INLINE_LENGTH = 1000;

/** @returns {{text: string, formulas: ({tex: string, isDisplay: boolean, source: string} | {text: string, source: string})[]}} */
export function extractMath(markdown) {
  const formulas = [];
  if (!/[$\\]/u.test(markdown)) return { text: markdown, formulas };
  let text = "";
  let index = 0;
  while (index < markdown.length) {
    const found = formulaAt(markdown, index);
    if (found) {
      text += `${OPEN}${formulas.length}${CLOSE}`;
      formulas.push({ ...found.formula, source: markdown.slice(index, found.end) });
      index = found.end;
      continue;
    }
    const end = skip(markdown, index);
    text += markdown.slice(index, end);
    index = end;
  }
  return { text, formulas };
}

/** The end of what stands at `index` and holds no formula's beginning inside: code, an escape, one character. */
function skip(markdown, index) {
  const character = markdown[index];
  if (character === "\\") return index + 2;
  if (character !== "`" && character !== "~") return index + 1;
  const run = /^(?:`+|~+)/u.exec(markdown.slice(index, index + 64))[0];
  const isFence = run.length >= 3 && /^\s*$/u.test(markdown.slice(markdown.lastIndexOf("\n", index - 1) + 1, index));
  if (isFence) {
    const close = new RegExp(`\\n[ \\t]*[${character}]{${run.length},}[ \\t]*(?=\\n|$)`, "u");
    const match = close.exec(markdown.slice(index + run.length));
    return match ? index + run.length + match.index + match[0].length : markdown.length;
  }
  if (character === "~") return index + run.length;
  for (let place = index + run.length; place < markdown.length;) {
    place = markdown.indexOf("`", place);
    if (place < 0) break;
    const other = /^`+/u.exec(markdown.slice(place, place + 64))[0];
    if (other.length === run.length) return place + run.length;
    place += other.length;
  }
  return index + run.length;
}

function formulaAt(markdown, index) {
  if (markdown.startsWith("$$", index)) return enclosed(markdown, index, "$$", "$$", true);
  if (markdown.startsWith("\\[", index)) {
    return enclosed(markdown, index, "\\[", "\\]", true) ?? escapedBracket(markdown, index);
  }
  if (markdown.startsWith("\\(", index)) return enclosed(markdown, index, "\\(", "\\)", false);
  if (markdown[index] === "$") return dollars(markdown, index);
  return null;
}

function enclosed(markdown, index, opening, closing, isDisplay) {
  const end = markdown.indexOf(closing, index + 2);
  if (end < 0) return null;
  const tex = markdown.slice(index + opening.length, end);
  if (tex.trim() === "" || (!isDisplay && tex.includes("\n\n"))) return null;
  return { end: end + closing.length, formula: { tex: tex.trim(), isDisplay } };
}

/** `\[` before a number: an ordinary character. */
function escapedBracket(markdown, index) {
  return /^\[[ \d]/u.test(markdown.slice(index + 1, index + 3)) ? { end: index + 2, formula: { text: "[" } } : null;
}

function dollars(markdown, index) {
  if (/[\p{L}\p{N}$]/u.test(markdown[index - 1] ?? "") || /[\s$]/u.test(markdown[index + 1] ?? " ")) return null;
  const limit = Math.min(markdown.length, index + INLINE_LENGTH);
  for (let end = index + 1; end < limit; end += 1) {
    const character = markdown[end];
    if (character === "\\") {
      end += 1;
    } else if (character === "\n" && markdown[end + 1] === "\n") {
      return null;
    } else if (character === "`") {
      return null;
    } else if (character === "$") {
      const isClosing = !/\s/u.test(markdown[end - 1]) && !/[\d$]/u.test(markdown[end + 1] ?? "");
      return isClosing ? { end: end + 1, formula: { tex: markdown.slice(index + 1, end), isDisplay: false } } : null;
    }
  }
  return null;
}

/** Splits a text at its place-holders: strings and what was taken out in turn. */
export function splitFormulas(text, formulas) {
  const parts = [];
  let index = 0;
  for (const match of text.matchAll(/\uE010(\d+)\uE011/gu)) {
    const formula = formulas[Number(match[1])];
    if (!formula) continue;
    if (match.index > index) parts.push(text.slice(index, match.index));
    parts.push(formula);
    index = match.index + match[0].length;
  }
  if (index < text.length) parts.push(text.slice(index));
  return parts;
}

/** The text as it was before its formulas were taken out. */
export function restoreMath(text, formulas) {
  return splitFormulas(text, formulas).map((part) => (typeof part === "string" ? part : part.source)).join("");
}

/** Takes the private characters out of a text that comes from outside, so that it cannot name a formula. */
export function withoutPlaceholders(text) {
  return text.replace(/[\uE010\uE011]/gu, "");
}
