// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  TurnReader, parseEventID, scalarCount, utf16Index,
} from "../../Sources/ParleyHTTP/Resources/assets/js/turn-reader.js";

const delta = (id, text) => ({ type: "delta", id, text });

test("an event id is two decimal numbers of at most 15 digits", () => {
  assert.deepEqual(parseEventID("2-17"), { epoch: 2, sequence: 17 });
  for (const wrong of ["", "1", "1-", "-1", "1-2-3", "a-1", "1-1 ", "+1-1", `1-${"9".repeat(16)}`, undefined]) {
    assert.equal(parseEventID(wrong), null, String(wrong));
  }
});

test("positions count Unicode scalar values, not UTF-16 units", () => {
  assert.equal(scalarCount("a😀é"), 3);
  assert.equal(scalarCount(""), 0);
  assert.equal(utf16Index("a😀b", 2), 3);
  assert.equal(utf16Index("a😀b", 3), 4);
  assert.equal(utf16Index("a😀b", 4), -1);
});

test("events in order are applied and give the text", () => {
  const reader = new TurnReader();
  assert.equal(reader.position, undefined);
  assert.equal(reader.apply({ type: "started", id: "1-1", model: "m" }), "applied");
  assert.equal(reader.apply(delta("1-2", "Hel")), "applied");
  assert.equal(reader.apply(delta("1-3", "lo 😀")), "applied");
  assert.equal(reader.apply({ type: "completed", id: "1-4", textLength: 7 }), "applied");
  assert.equal(reader.text, "Hello 😀");
  assert.equal(reader.scalars, 7);
  assert.equal(reader.isFinished, true);
  assert.equal(reader.position, "1-4");
});

test("an event at or below the position is dropped", () => {
  const reader = new TurnReader();
  reader.apply(delta("1-1", "a"));
  reader.apply(delta("1-2", "b"));
  assert.equal(reader.apply(delta("1-2", "b")), "dropped");
  assert.equal(reader.apply(delta("1-1", "a")), "dropped");
  assert.equal(reader.apply({ type: "replace", id: "1-2", from: 0, text: "x" }), "dropped");
  assert.equal(reader.text, "ab");
});

test("a missing event is a gap and changes nothing", () => {
  const reader = new TurnReader();
  reader.apply(delta("1-1", "a"));
  assert.equal(reader.apply(delta("1-3", "c")), "gap");
  assert.equal(reader.apply(delta("2-2", "c")), "gap");
  assert.equal(reader.text, "a");
  assert.equal(reader.position, "1-1");
});

test("a later epoch begins at sequence 1", () => {
  const reader = new TurnReader();
  reader.apply(delta("1-1", "a"));
  assert.equal(reader.apply(delta("3-1", "b")), "applied");
  assert.equal(reader.text, "ab");
});

test("a replace may come with any later id and says what the text is from a scalar on", () => {
  const reader = new TurnReader();
  reader.apply(delta("1-1", "😀abc"));
  assert.equal(reader.apply({ type: "replace", id: "2-9", from: 2, text: "X" }), "applied");
  assert.equal(reader.text, "😀aX");
  assert.equal(reader.scalars, 3);
  assert.equal(reader.apply(delta("2-10", "!")), "applied");
  assert.equal(reader.apply({ type: "replace", id: "2-11", from: 9, text: "" }), "gap");
  assert.equal(reader.text, "😀aX!");
});

test("the opening of a later epoch says the text again: a reader that has it, or more, ends with that text", () => {
  const opening = [
    { type: "started", id: "2-1", model: "m" }, { type: "replace", id: "2-2", from: 0, text: "a😀" },
    { type: "sources", id: "2-3", passages: [] }, delta("2-4", "b"),
  ];
  for (const seen of [["a"], ["a", "😀"], ["a", "😀", "c", "d"]]) {
    const reader = new TurnReader();
    seen.forEach((text, index) => reader.apply(delta(`1-${index + 1}`, text)));
    for (const event of opening) assert.equal(reader.apply(event), "applied");
    assert.equal(reader.text, "a😀b");
    assert.equal(reader.scalars, 3);
  }
});

test("a nonsense id is dropped", () => {
  assert.equal(new TurnReader().apply(delta("later", "a")), "dropped");
});

/** A small seeded generator (mulberry32). */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296;
  };
}

test("whatever is repeated, lost and asked for again, a reader ends with the text of the log", () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const next = random(seed);
    const { log, text } = makeLog(next);
    const reader = new TurnReader();
    let index = 0;
    for (let step = 0; !reader.isFinished && step < 10_000; step += 1) {
      if (next() < 0.2) index = Math.max(0, index - Math.floor(next() * 5));
      else if (next() < 0.1 && isWithinEpoch(log, index)) index += 1;
      const event = log[index];
      const what = event ? reader.apply(event) : "gap";
      if (what !== "gap") index += 1;
      else index = log.findIndex(({ id }) => reader.position === undefined || isAfter(id, reader.position));
    }
    assert.equal(reader.text, text, `seed ${seed}`);
  }
});

/** A connection loses nothing in its middle; a test that loses an epoch's last event asks for what cannot be. */
function isWithinEpoch(log, index) {
  const [event, following] = [log[index], log[index + 1]].map((each) => each && parseEventID(each.id));
  return event && following && event.epoch === following.epoch;
}

function isAfter(left, right) {
  const [a, b] = [parseEventID(left), parseEventID(right)];
  return a.epoch !== b.epoch ? a.epoch > b.epoch : a.sequence > b.sequence;
}

function makeLog(next) {
  const log = [];
  let text = "";
  const words = ["a", "😀", "né", "\n", "字", "x y"];
  for (let epoch = 1; epoch <= 1 + Math.floor(next() * 3); epoch += 1) {
    let sequence = 1;
    log.push({ type: "started", id: `${epoch}-${sequence}` });
    if (epoch > 1) {
      const from = Math.floor(next() * (scalarCount(text) + 1));
      const tail = words[Math.floor(next() * words.length)];
      text = text.slice(0, utf16Index(text, from)) + tail;
      log.push({ type: "replace", id: `${epoch}-${++sequence}`, from, text: tail });
    }
    for (let count = Math.floor(next() * 12); count > 0; count -= 1) {
      const word = words[Math.floor(next() * words.length)];
      text += word;
      log.push({ type: "delta", id: `${epoch}-${++sequence}`, text: word });
    }
    log.end = `${epoch}-${sequence + 1}`;
  }
  log.push({ type: "completed", id: log.end, textLength: scalarCount(text) });
  // An event is after a position when its id is greater.
  return { log, text };
}
