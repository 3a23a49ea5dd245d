// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// The text of one answer on the page. While it streams only its last block is rendered again, and of that only what
// differs is changed, so that a selection stays and nothing jumps.

import { CodeBlock } from "./code-block.js";
import { h } from "./dom.js";
import { BlockSplitter, definitions } from "./markdown-blocks.js";
import { completeMarkdown } from "./markdown-partial.js";
import { renderBlock } from "./markdown.js";

export class AnswerText {
  #splitter = new BlockSplitter();
  #parts = [];

  constructor() {
    this.element = h("div", { class: "prose" });
  }

  update(text, { isStreaming = false, sources = [] } = {}) {
    const blocks = this.#splitter.update(text);
    const shared = definitions(blocks);
    const context = { sources, definitions: shared };
    const signature = `${sources.length}|${shared}`;
    blocks.forEach((block, index) => {
      const isPartial = isStreaming && index === blocks.length - 1;
      this.#show(index, block, isPartial, isStreaming, context, signature);
    });
    for (const part of this.#parts.splice(blocks.length)) part.element.remove();
  }

  #show(index, block, isPartial, isStreaming, context, signature) {
    const old = this.#parts[index];
    const kind = block.kind === "math" && !block.isClosed && isStreaming ? "open math" : block.kind;
    if (old?.source === block.source && old.isPartial === isPartial && old.signature === signature
      && old.kind === kind) return;
    const part = this.#part(index, kind, block);
    Object.assign(part, { source: block.source, isPartial, signature });
    if (kind === "code") part.code.update(block.code, block.isClosed || !isStreaming);
    else if (kind === "open math") part.element.replaceChildren(h("code", { class: "math-source", text: block.source }));
    else morph(part.element, renderBlock(isPartial ? completeMarkdown(block.source) : block.source, context));
  }

  /** The part at an index, made anew when its kind has changed. */
  #part(index, kind, block) {
    const old = this.#parts[index];
    if (old && old.kind === kind && (kind !== "code" || old.code.language === block.language)) return old;
    const part = { kind, element: h("div", { class: "block" }) };
    if (kind === "code") {
      part.code = new CodeBlock(block.language);
      part.element.append(part.code.element);
    }
    if (old) old.element.replaceWith(part.element);
    else this.element.append(part.element);
    this.#parts[index] = part;
    return part;
  }
}

/** Makes the children of an element equal to those of a fragment, keeping the nodes that stay the same. */
export function morph(parent, fragment) {
  let old = parent.firstChild;
  for (const next of [...fragment.childNodes]) {
    if (!old) {
      parent.append(next);
      continue;
    }
    const following = old.nextSibling;
    if (canStay(old, next)) become(old, next);
    else parent.replaceChild(next, old);
    old = following;
  }
  while (old) {
    const following = old.nextSibling;
    old.remove();
    old = following;
  }
}

function canStay(old, next) {
  if (old.nodeType !== next.nodeType || old.nodeName !== next.nodeName) return false;
  if (old.nodeType !== Node.ELEMENT_NODE) return true;
  if (old.isEqualNode(next)) return true;
  // Code boxes and formulas have a life of their own: they are taken or left as a whole.
  if (/\b(?:code|math-\w+|cite)\b/u.test(old.className)) return false;
  return old.attributes.length === next.attributes.length
    && [...next.attributes].every((attribute) => old.getAttribute(attribute.name) === attribute.value);
}

function become(old, next) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data === next.data) return;
    if (next.data.startsWith(old.data)) old.appendData(next.data.slice(old.data.length));
    else old.data = next.data;
  } else if (old.nodeType === Node.ELEMENT_NODE && !old.isEqualNode(next)) {
    morph(old, next);
  }
}
