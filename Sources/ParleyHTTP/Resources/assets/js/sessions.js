// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// The sheet of devices: where the person is signed in, and signing out there.

import { openSheet } from "./dialogs.js";
import { h } from "./dom.js";
import { shortTime } from "./format.js";

export async function openSessions({ api, actions }) {
  const list = h("div", { class: "rows", role: "list" });
  const others = h("button", {
    type: "button", class: "button button-danger", text: "Sign out everywhere else", hidden: true,
    onclick: () => end(() => api.deleteOtherSessions()),
  });
  await openSheet({
    title: "Devices",
    content: [h("p", { text: "Browsers in which you are signed in. What you do not know, sign out." }), list],
    foot: [others],
  });
  await load();

  async function load() {
    try {
      const { sessions } = await api.sessions();
      list.replaceChildren(...sessions.map(row));
      others.hidden = sessions.length < 2;
    } catch (error) {
      await actions.report(error, "The devices could not be read.");
    }
  }

  function row({ id, createdAt, lastSeenAt, current }) {
    const title = current ? "This browser" : `Signed in ${shortTime(new Date(createdAt))}`;
    const hint = current ? `Signed in ${shortTime(new Date(createdAt))}` : `Last used ${shortTime(new Date(lastSeenAt))}`;
    return h("div", { class: "row", role: "listitem" },
      h("div", {}, h("p", { text: title }), h("small", { text: hint })),
      current ? null : h("button", {
        type: "button", class: "button", text: "Sign out", "aria-label": `Sign out: ${title}`,
        onclick: () => end(() => api.deleteSession(id)),
      }));
  }

  async function end(request) {
    try {
      await request();
    } catch (error) {
      // One that has ended meanwhile is what was asked for.
      if (error.status !== 404) await actions.report(error, "Nobody was signed out.");
    }
    await load();
  }
}
