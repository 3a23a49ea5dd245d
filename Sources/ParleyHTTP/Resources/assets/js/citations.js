// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// Numbers in square brackets that refer to an answer's sources.

/** Splits a text at its citations: strings, and numbers that occur among the sources. `[1, 2]` gives both. */
export function splitCitations(text, numbers) {
  const parts = [];
  let index = 0;
  for (const match of text.matchAll(/ ?\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]/gu)) {
    const cited = match[1].split(",").map(Number);
    if (!cited.every((number) => numbers.has(number))) continue;
    if (match.index > index) parts.push(text.slice(index, match.index));
    parts.push(...cited);
    index = match.index + match[0].length;
  }
  if (index < text.length) parts.push(text.slice(index));
  return parts;
}

/** The sources that an answer refers to, in their order; none when it refers to none. */
export function usedSources(text, sources) {
  const numbers = new Set(sources.map((source) => source.n));
  // What stands in code refers to nothing.
  const prose = text.replace(/^ {0,3}(`{3,}|~{3,})[^\n]*\n[\s\S]*?(?:^ {0,3}\1[`~]*\s*$|(?![\s\S]))/gmu, "")
    .replace(/(`+)(?!`)[\s\S]*?[^`]\1(?!`)/gu, "");
  const used = new Set(splitCitations(prose, numbers).filter((part) => typeof part === "number"));
  return sources.filter((source) => used.has(source.n));
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
