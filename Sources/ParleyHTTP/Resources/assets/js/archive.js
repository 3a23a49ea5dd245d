// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// The sheet of archived chats.

import { openSheet } from "./dialogs.js";
import { h, iconButton } from "./dom.js";
import { shortTime } from "./format.js";

export async function openArchive({ api, actions }) {
  const list = h("div", { class: "rows" });
  const more = h("button", { type: "button", class: "button", text: "More", hidden: true, onclick: () => load(next) });
  let next = null;
  const { close } = await openSheet({ title: "Archived chats", content: [list, more] });
  await load();

  async function load(before) {
    try {
      const page = await api.conversations({ archived: true, limit: 50, before });
      next = page.next;
      list.append(...page.conversations.map(row));
    } catch (error) {
      list.append(h("p", { class: "hint", text: `The archive could not be read. ${error.message}` }));
    }
    more.hidden = next === null;
    showEmpty();
  }

  function showEmpty() {
    if (list.childElementCount === 0) list.append(h("p", { class: "hint", text: "No chat is archived." }));
  }

  function row(conversation) {
    const element = h("div", { class: "row" },
      h("div", {},
        h("p", {}, h("a", {
          href: `/c/${conversation.id}`, text: conversation.title, onclick: (event) => {
            event.preventDefault();
            close();
            actions.go(conversation.id);
          },
        })),
        h("small", { text: shortTime(new Date(conversation.updatedAt)) })),
      h("div", { class: "row-actions" },
        iconButton("restore", `Take “${conversation.title}” out of the archive`, () => run(() => (
          actions.archive(conversation.id, false)))),
        iconButton("trash", `Delete “${conversation.title}”`, () => run(() => actions.delete(conversation.id)))));
    actions.store.dispatch({ type: "conversation/changed", conversation });
    async function run(action) {
      element.remove();
      showEmpty();
      await action();
    }
    return element;
  }
}
