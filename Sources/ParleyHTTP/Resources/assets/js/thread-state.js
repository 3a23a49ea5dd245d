// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// The part of the state that concerns messages and the answers under way.

import * as tree from "./message-tree.js";
import { without } from "./state.js";

export const threadReducers = {
  "thread/loading": (state, { conversationID }) => withThread(state, conversationID, (thread) => ({
    ...thread, status: thread.messages.length > 0 ? "ready" : "loading", problem: null,
  })),

  /** `next` stays as it is while older pages in front of this one are kept. */
  "thread/loaded": (state, { conversationID, messages, next, since }) => withThread(state, conversationID, (thread) => {
    const { messages: merged, keepsOlder } = tree.refreshed(thread.messages, messages, since);
    return { ...thread, status: "ready", messages: merged, next: keepsOlder ? thread.next : next, problem: null };
  }),

  "thread/older": (state, { conversationID, messages, next }) => withKept(state, conversationID, (thread) => ({
    ...thread, messages: tree.prepend(thread.messages, messages), next,
  })),

  "thread/failed": (state, { conversationID, problem }) => withThread(state, conversationID, (thread) => ({
    ...thread, status: thread.messages.length > 0 ? "ready" : "failed", problem,
  })),

  /** New messages behind the branch, which is cut before `cutAt` when that is given. */
  "thread/extended": (state, { conversationID, messages, cutAt }) => withThread(state, conversationID, (thread) => ({
    ...thread,
    status: "ready",
    messages: [...(cutAt ? tree.before(thread.messages, cutAt) : thread.messages), ...messages],
  })),

  "thread/accepted": (state, { conversationID, awaitedKey, turn, at }) => withKept(state, conversationID, (thread) => ({
    ...thread, messages: tree.accepted(thread.messages, awaitedKey, turn, at),
  })),

  "message/patched": (state, { conversationID, id, change }) => withKept(state, conversationID, (thread) => ({
    ...thread, messages: tree.patch(thread.messages, id, change),
  })),

  "message/removed": (state, { conversationID, keys }) => withKept(state, conversationID, (thread) => ({
    ...thread, messages: thread.messages.filter((message) => !keys.includes(message.key)),
  })),

  "answer/began": (state, { messageID, conversationID, turnID }) => ({
    ...state,
    answering: {
      ...state.answering, [messageID]: { conversationID, turnID, phase: "waiting", isStopping: false },
    },
  }),

  "answer/changed": (state, { messageID, change }) => {
    const old = state.answering[messageID];
    return old ? { ...state, answering: { ...state.answering, [messageID]: { ...old, ...change } } } : state;
  },

  "answer/ended": (state, { messageID }) => ({ ...state, answering: without(state.answering, messageID) }),
};

const EMPTY_THREAD = Object.freeze({ status: "loading", messages: [], next: null, problem: null });

/** Changes a thread, which begins empty. */
function withThread(state, id, change) {
  const next = change(state.threads[id] ?? EMPTY_THREAD);
  return { ...state, threads: { ...state.threads, [id]: next } };
}

/** Changes a thread that is kept; one that was let go is read again when it is opened. */
function withKept(state, id, change) {
  return state.threads[id] ? withThread(state, id, change) : state;
}
