// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// What the page knows, as one value, and the pure function that changes it. Streaming text is not in here: it goes
// from its reader to its element directly.

export const NEW_CHAT = Object.freeze({ model: null, systemPrompt: null, temporary: false });

export const initialState = Object.freeze({
  session: { status: "loading", user: null, mode: null, setupRequired: false, problem: null },
  models: { names: [], default: null, isLocal: false },
  conversations: {},
  list: { next: null, status: "loading" },
  route: { conversationID: null, messageID: null },
  newChat: NEW_CHAT,
  threads: {},
  /** The turns under way: message id → `{conversationID, turnID, phase, isStopping}`. */
  answering: {},
  connection: { state: "idle", transport: "socket" },
});

/** Threads that are kept for a quick return; the one shown longest ago goes first. */
export const KEPT_THREADS = 8;

/** The reducers of the frame; those of threads join them when the first chat is opened (thread-state.js). */
const frameReducers = {
  "session/changed": (state, { session }) => ({ ...state, session: { ...initialState.session, ...session } }),

  "models/loaded": (state, { models }) => ({
    ...state,
    models: { names: models.models.map((model) => model.name), default: models.default, isLocal: models.local },
  }),

  "list/loaded": (state, { conversations, next }) => ({
    ...state,
    conversations: withAll(state.conversations, conversations),
    list: { next, status: "ready" },
  }),

  "list/failed": (state) => ({ ...state, list: { ...state.list, status: "failed" } }),

  "conversation/changed": (state, { conversation }) => ({
    ...state, conversations: withAll(state.conversations, [conversation]),
  }),

  "conversation/patched": (state, { id, change }) => {
    const old = state.conversations[id];
    return old ? { ...state, conversations: { ...state.conversations, [id]: { ...old, ...change } } } : state;
  },

  "conversation/removed": (state, { id }) => ({
    ...state,
    conversations: without(state.conversations, id),
    threads: without(state.threads, id),
  }),

  "route/changed": (state, { conversationID, messageID = null }) => ({
    ...state,
    route: { conversationID, messageID },
    newChat: conversationID === null ? { ...NEW_CHAT, model: state.newChat.model } : state.newChat,
    threads: keepRecent(state.threads, conversationID),
  }),

  "newChat/changed": (state, { change }) => ({ ...state, newChat: { ...state.newChat, ...change } }),

  "connection/changed": (state, { connection }) => ({ ...state, connection }),
};

function withAll(conversations, changed) {
  const next = { ...conversations };
  for (const conversation of changed) next[conversation.id] = conversation;
  return next;
}

export function without(record, key) {
  if (!(key in record)) return record;
  const next = { ...record };
  delete next[key];
  return next;
}

function keepRecent(threads, current) {
  const others = Object.keys(threads).filter((id) => id !== current);
  const kept = others.slice(-(KEPT_THREADS - 1)).map((id) => [id, threads[id]]);
  if (threads[current]) kept.push([current, threads[current]]);
  return Object.fromEntries(kept);
}

// Questions that several views ask.

export function currentConversation(state) {
  return state.conversations[state.route.conversationID] ?? null;
}

export function currentThread(state) {
  return state.threads[state.route.conversationID] ?? null;
}

/** The answer that is being made in a conversation: `{messageID, turnID, phase, isStopping}` or null. */
export function answerUnderWay(state, conversationID) {
  const found = Object.entries(state.answering).find(([, answer]) => answer.conversationID === conversationID);
  return found ? { messageID: found[0], ...found[1] } : null;
}

/** Why the composer must wait: `"answering"`, `"sending"`, `"unsent"`, or null when it need not. */
export function busyWith(state, conversationID) {
  if (answerUnderWay(state, conversationID)) return "answering";
  const messages = state.threads[conversationID]?.messages ?? [];
  if (messages.some((message) => message.delivery === "failed")) return "unsent";
  return messages.some((message) => message.delivery || message.isAwaited) ? "sending" : null;
}

/** The conversations of the list: neither archived nor temporary; pinned first, then the newest. */
export function listed(conversations) {
  return Object.values(conversations)
    .filter((conversation) => !conversation.archived && !conversation.temporary)
    .sort((left, right) => Number(right.pinned) - Number(left.pinned) || compareTimes(right, left));
}

function compareTimes(left, right) {
  return left.updatedAt < right.updatedAt ? -1 : Number(left.updatedAt > right.updatedAt);
}

/** Holds the state and tells its listeners of each change. */
export class Store {
  #listeners = new Set();
  #reducers = { ...frameReducers };

  constructor(state = initialState) {
    this.state = state;
  }

  addReducers(reducers) {
    Object.assign(this.#reducers, reducers);
  }

  dispatch(action) {
    const reducer = this.#reducers[action.type];
    if (!reducer) throw new Error(`unknown action ${action.type}`);
    const previous = this.state;
    this.state = reducer(previous, action);
    if (this.state === previous) return;
    for (const listener of this.#listeners) listener(this.state, previous);
  }

  /** @returns a function that ends the subscription */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
