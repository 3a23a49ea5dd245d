// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// A small renderer for when marked and DOMPurify are missing, and for what people write: it builds elements from text
// and knows headings, lists, code, emphasis and links.

import { isSafeLink } from "./citations.js";
import { h } from "./dom.js";
import { splitBlocks } from "./markdown-blocks.js";

/** One block of Markdown, plainly. */
export function renderPlain(source) {
  const fragment = document.createDocumentFragment();
  const heading = /^ {0,3}(#{1,6})\s+(.*?)\s*#*$/u.exec(source);
  if (heading && !source.includes("\n")) {
    fragment.append(h(`h${heading[1].length}`, {}, ...inline(heading[2])));
  } else if (/^ {0,3}(?:[-*_] *){3,}$/u.test(source)) {
    fragment.append(h("hr"));
  } else {
    fragment.append(list(source) ?? h("p", { class: "kept" }, ...inline(source)));
  }
  return fragment;
}

/** A list of one level whose items are single lines; null for anything else. */
function list(source) {
  const items = source.split("\n").map((line) => /^ {0,3}(?:([-*+])|(\d{1,9})[.)])\s+(.+)$/u.exec(line));
  if (!items.every((item) => item !== null)) return null;
  const isOrdered = items[0][2] !== undefined;
  return h(isOrdered ? "ol" : "ul", { start: isOrdered ? items[0][2] : null },
    ...items.map((item) => h("li", {}, ...inline(item[3]))));
}

const INLINE = /(`+)(.+?)\1(?!`)|\*\*(?=\S)(.+?)\*\*|\[([^\]\n]+)\]\(([^()\s]+)\)|(https?:\/\/[^\s<>()]*[^\s<>().,;:!?'"])/gu;

function inline(text) {
  const nodes = [];
  let index = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > index) nodes.push(text.slice(index, match.index));
    nodes.push(inlineNode(match));
    index = match.index + match[0].length;
  }
  if (index < text.length) nodes.push(text.slice(index));
  return nodes;
}

function inlineNode([whole, , code, strong, label, address, bare]) {
  if (code !== undefined) return h("code", { text: code });
  if (strong !== undefined) return h("strong", { text: strong });
  const target = address ?? bare;
  return isSafeLink(target) ? h("a", { href: target, text: label ?? bare }) : (label ?? whole);
}

/** What a person wrote, in parts: text as it is, and fenced code. */
export function splitFences(text) {
  const parts = [];
  let index = 0;
  for (const block of splitBlocks(text)) {
    if (block.kind !== "code") continue;
    const before = text.slice(index, block.start).replace(/^\n+|\s+$/gu, "");
    if (before !== "") parts.push({ text: before });
    parts.push({ code: block.code, language: block.language });
    index = block.start + block.source.length;
  }
  const rest = text.slice(index).replace(/^\n+|\s+$/gu, "");
  if (rest !== "" || parts.length === 0) parts.push({ text: rest });
  return parts;
}
