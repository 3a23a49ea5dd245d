// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// Turns one block of an answer's Markdown into elements. What a model writes is hostile: raw HTML is shown as text,
// links go to the web or to mail only, images become links, and everything passes DOMPurify after marked. Without
// those two libraries a plainer renderer builds elements by hand (plain-markdown.js).

import { isSafeLink, splitCitations } from "./citations.js";
import { CodeBlock } from "./code-block.js";
import { h } from "./dom.js";
import { formulaElement } from "./formula.js";
import { extractMath, restoreMath, splitFormulas, withoutPlaceholders } from "./math.js";
import { renderPlain } from "./plain-markdown.js";
import { loadMarkdown } from "./vendor.js";

const POLICY = {
  ALLOWED_TAGS: [
    "p", "br", "strong", "em", "del", "code", "pre", "ul", "ol", "li", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6",
    "table", "thead", "tbody", "tr", "th", "td", "hr", "a", "input",
  ],
  ALLOWED_ATTR: ["href", "title", "start", "align", "type", "checked", "disabled", "class"],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/iu,
  ADD_URI_SAFE_ATTR: ["start", "align", "type", "checked", "disabled"],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

let libraries = null;
let hasLooked = false;

/** Resolves when it is known which renderer there is. */
export async function prepareMarkdown() {
  if (hasLooked) return;
  libraries = await loadMarkdown();
  if (libraries) configure(libraries.marked);
  hasLooked = true;
}

function escapeHTML(text) {
  return text.replace(/[&<>"']/gu, (character) => `&#${character.codePointAt(0)};`);
}

/** For what marked has escaped in part already: entities stay. */
function escapeAttribute(text) {
  return text.replace(/[<>"']|&(?!#?\w+;)/gu, (character) => `&#${character.codePointAt(0)};`);
}

function configure(marked) {
  marked.use({
    gfm: true, breaks: false, headerIds: false, mangle: false, silent: true,
    renderer: {
      // A line break in a table's cell can be written in no other way.
      html: (html) => (/^<br\s*\/?>$/iu.test(html.trim()) ? "<br>" : escapeHTML(html)),
      link(href, title, text) {
        if (!isSafeLink(href)) return text;
        const attribute = title ? ` title="${escapeAttribute(title)}"` : "";
        return `<a href="${escapeAttribute(href)}"${attribute}>${text}</a>`;
      },
      image(href, _title, text) {
        const words = escapeAttribute(text || "image");
        return isSafeLink(href) ? `<a href="${escapeAttribute(href)}">${words}</a>` : words;
      },
    },
  });
}

/**
 * @param source one block of Markdown
 * @param sources the answer's sources, whose numbers become citations
 * @param definitions link definitions from elsewhere in the answer
 * @returns a DocumentFragment
 */
export function renderBlock(source, { sources = [], definitions = "" } = {}) {
  const { text, formulas } = extractMath(withoutPlaceholders(source));
  const fragment = libraries ? renderRich(text, definitions) : renderPlain(text);
  finishCode(fragment, formulas);
  finishText(fragment, formulas, new Set(sources.map((passage) => passage.n)));
  for (const link of fragment.querySelectorAll("a")) finishLink(link, formulas);
  for (const table of fragment.querySelectorAll("table")) {
    const box = h("div", { class: "table-box", tabindex: "0", role: "region", "aria-label": "Table" });
    table.replaceWith(box);
    box.append(table);
  }
  return fragment;
}

function renderRich(text, definitions) {
  const whole = definitions && text.includes("[") ? `${text}\n\n${definitions}` : text;
  try {
    const fragment = libraries.DOMPurify.sanitize(libraries.marked.parse(whole), POLICY);
    for (const input of fragment.querySelectorAll("input")) {
      if (input.type !== "checkbox") input.remove();
      input.disabled = true;
    }
    return fragment;
  } catch {
    return renderPlain(text);
  }
}

/** Code inside lists and quotes gets the same box as code at the top. */
function finishCode(fragment, formulas) {
  for (const pre of fragment.querySelectorAll("pre")) {
    const code = pre.querySelector("code") ?? pre;
    const language = /language-(\S+)/u.exec(code.className)?.[1]?.toLowerCase() ?? "";
    const block = new CodeBlock(language);
    block.update(restoreMath(code.textContent, formulas).replace(/\n$/u, ""), true);
    pre.replaceWith(block.element);
  }
  for (const code of fragment.querySelectorAll(":not(pre) > code")) {
    code.removeAttribute("class");
    code.textContent = restoreMath(code.textContent, formulas);
  }
}

function finishLink(link, formulas) {
  const address = restoreMath(link.getAttribute("href") ?? "", formulas);
  if (!isSafeLink(address)) {
    link.replaceWith(...link.childNodes);
    return;
  }
  link.href = address;
  link.target = "_blank";
  link.rel = "noopener noreferrer nofollow";
}

/** Puts formulas and citations into the text. */
function finishText(fragment, formulas, numbers) {
  const walker = document.createTreeWalker(fragment, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) {
    if (!walker.currentNode.parentElement?.closest("code, pre")) texts.push(walker.currentNode);
  }
  for (const text of texts) {
    const isInLink = text.parentElement?.closest("a") !== null && text.parentElement !== null;
    const beginsLine = text.previousSibling === null && text.parentNode.nodeName === "P";
    const parts = splitFormulas(text.data, formulas).flatMap((part, index) => {
      if (typeof part !== "string") return [part.text ?? formulaElement(part)];
      return isInLink ? [part] : splitCitations(part, numbers, beginsLine && index === 0).map((piece) => (
        typeof piece === "number" ? citation(piece) : piece));
    });
    if (parts.length !== 1 || parts[0] !== text.data) text.replaceWith(...parts);
  }
}

function citation(number) {
  return h("button", {
    type: "button", class: "cite", "data-n": number, "aria-label": `Source ${number}`, "aria-haspopup": "dialog",
    text: number,
  });
}
