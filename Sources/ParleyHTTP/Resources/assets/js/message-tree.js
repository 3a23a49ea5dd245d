// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// The branch of a conversation that the page shows: an array of messages, oldest first, each with the ids of its
// siblings. All functions return new arrays.

/** A message of the wire as the page keeps it; `key` stays the same while its id is still unknown. */
export function fromWire(message) {
  return { ...message, key: message.id, siblings: message.siblings ?? [message.id], sources: message.sources ?? [] };
}

/** Where a message stands among its siblings, from 1. */
export function siblingPosition(message) {
  const index = message.siblings.indexOf(message.id);
  return { position: index < 0 ? message.siblings.length : index + 1, count: message.siblings.length };
}

/** The id of the sibling `step` places on, or null at the end. */
export function siblingAt(message, step) {
  const index = message.siblings.indexOf(message.id);
  return index < 0 ? null : (message.siblings[index + step] ?? null);
}

/** Older messages in front of those that are there; what is there already is not repeated. */
export function prepend(messages, older) {
  const known = new Set(messages.map((message) => message.id));
  return [...older.filter((message) => !known.has(message.id)), ...messages];
}

/** The branch up to, and without, the message; the whole branch when it is not on it. */
export function before(messages, id) {
  const index = messages.findIndex((message) => message.id === id);
  return index < 0 ? messages : messages.slice(0, index);
}

export function patch(messages, id, change) {
  let isChanged = false;
  const next = messages.map((message) => {
    if (message.id !== id && message.key !== id) return message;
    isChanged = true;
    return { ...message, ...change };
  });
  return isChanged ? next : messages;
}

/** The message and the answer that is awaited for it, before the server has seen either. */
export function exchange({ id, conversationID, parentID, content, createdAt, siblings = [], model = null }) {
  const user = {
    id, key: id, conversationID, parentID, role: "user", content, state: "completed", model: null, createdAt,
    siblings: [...siblings, id], sources: [], turnID: null, delivery: "sending",
  };
  return [user, awaited({ key: `answer-to-${id}`, conversationID, parentID: id, createdAt, model })];
}

/** An answer that was asked for and has no id yet. */
export function awaited({ key, conversationID, parentID, createdAt, siblings = [], model = null }) {
  return {
    id: key, key, conversationID, parentID, role: "assistant", content: "", state: "pending", model, createdAt,
    siblings: [...siblings, key], sources: [], turnID: null, isAwaited: true,
  };
}

/** The same branch after the server accepted the message at the time `at`: the answer has its id and its turn. */
export function accepted(messages, awaitedKey, turn, at) {
  return messages.map((message) => {
    if (message.id === turn.userMessageID && message.delivery) {
      return { ...message, delivery: undefined, problem: null, acceptedAt: at };
    }
    if (message.key !== awaitedKey || !message.isAwaited) return message;
    const siblings = message.siblings.map((id) => (id === message.id ? turn.assistantMessageID : id));
    const id = turn.assistantMessageID;
    return { ...message, id, turnID: turn.id, siblings, isAwaited: false, acceptedAt: at };
  });
}

/**
 * The branch with a page of it as the server gives it now. Keys of messages that are shown stay (and so do their
 * elements), as do older pages in front of it and whatever the server had not seen at the time `since`, when it was
 * asked.
 */
export function refreshed(messages, fresh, since = Infinity) {
  const shown = new Map(messages.map((message) => [message.id, message]));
  const merged = fresh.map((message) => ({ ...message, key: shown.get(message.id)?.key ?? message.key }));
  const ids = new Set(merged.map((message) => message.id));
  const unseen = messages.filter((message) => !ids.has(message.id)
    && (message.delivery || message.isAwaited || message.acceptedAt >= since));
  const place = fresh.length > 0 ? messages.findIndex((message) => message.id === fresh[0].id) : -1;
  const older = place > 0 ? messages.slice(0, place) : [];
  return { messages: [...older, ...merged, ...unseen], keepsOlder: older.length > 0 };
}
