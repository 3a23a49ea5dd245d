// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// Puts the parts of the chat together, the first time one is needed: the state of threads, the live connection,
// sending, and the view.

import { Answers } from "./answers.js";
import { loadStyle } from "./dom.js";
import { openStorage } from "./drafts.js";
import { openLive } from "./live.js";
import { prepareMarkdown } from "./markdown.js";
import { Outbox } from "./outbox.js";
import { Sending } from "./sending.js";
import { ThreadView } from "./thread.js";
import { threadReducers } from "./thread-state.js";
import { Threads } from "./threads.js";

/** When to ask for a title that the model makes after the first answer, in milliseconds after it. */
const TITLE_AFTER_MS = [0, 1500, 4000, 9000];

export async function openChat({ store, api, actions, drafts, storage }) {
  await Promise.all([loadStyle("thread"), prepareMarkdown()]);
  store.addReducers(threadReducers);
  const answers = new Answers({ store, api, openLive });
  const outbox = new Outbox(storage, () => store.state.session.user?.id ?? null);
  const sending = new Sending({ store, api, answers, outbox, drafts, storage, actions });
  const tabStorage = openStorage("sessionStorage");
  const threads = new Threads({ store, api, answers, sending, actions, tabStorage });
  const view = new ThreadView({ store, actions, answers, sending, threads });
  threads.prepare = (messages) => view.prepare(messages);
  answers.onFinished = (conversationID, message) => {
    view.announceFinished(message);
    awaitTitle(conversationID);
  };

  async function awaitTitle(id) {
    const before = store.state.conversations[id]?.title;
    for (const wait of TITLE_AFTER_MS) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      const conversation = await actions.refresh(id).catch(() => null);
      const isFirst = (store.state.threads[id]?.messages.length ?? 0) <= 2;
      if (!conversation?.titleIsAutomatic || conversation.title !== before || !isFirst) return;
      if (store.state.models.isLocal) return;
    }
  }

  addEventListener("online", () => {
    answers.live.wake();
    sending.wake();
  });
  addEventListener("offline", () => answers.live.sleep());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible") return;
    answers.live.wake();
    const { conversationID } = store.state.route;
    if (conversationID) threads.refresh(conversationID);
  });
  sending.resume();
  return { answers, sending, threads, view };
}
