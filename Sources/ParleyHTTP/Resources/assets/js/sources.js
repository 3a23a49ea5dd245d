// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// The passages that an answer rests on: a row of them under it, and a note that shows one.

import { AnswerText } from "./answer-text.js";
import { h, loadStyle } from "./dom.js";
import { place } from "./menu.js";

/** The row of sources under an answer; one document's passages stay apart, since their numbers do. */
export function sourceList(sources) {
  return h("ul", { class: "sources", "aria-label": "Sources" }, ...sources.map((passage) => h("li", {},
    h("button", {
      type: "button", class: "source-chip", "data-n": passage.n, "aria-haspopup": "dialog",
      "aria-label": `Source ${passage.n}: ${passage.title}${passage.page ? `, page ${passage.page}` : ""}`,
    },
    h("b", { text: passage.n }), h("span", { text: passage.title }),
    passage.page ? h("small", { text: `p. ${passage.page}` }) : null))));
}

/** Shows one passage beside the number or the chip that was pressed. */
export async function openSource(anchor, passage) {
  await loadStyle("overlays");
  const text = new AnswerText();
  text.update(passage.text);
  const where = passage.page ? `Source ${passage.n} · page ${passage.page}` : `Source ${passage.n}`;
  const note = h("div", {
    class: "popover", popover: "auto", role: "dialog", tabindex: "-1",
    "aria-label": `Source ${passage.n}: ${passage.title}`,
  },
  h("h3", { text: passage.title }), h("p", { class: "where", text: where }),
  text.element);
  document.body.append(note);
  anchor.setAttribute("aria-expanded", "true");
  note.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    anchor.setAttribute("aria-expanded", "false");
    const hadFocus = note.contains(document.activeElement) || document.activeElement === document.body;
    note.remove();
    if (hadFocus && anchor.isConnected) anchor.focus({ preventScroll: true });
  });
  note.showPopover();
  place(note, anchor);
  note.focus();
}
