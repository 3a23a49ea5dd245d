//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// A table with a limit on the sum of its weights; beyond it what was not used for the longest time goes.
///
/// Its entries are linked in the order of their use, so that every operation takes constant time.
struct RecencyTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Entry: Sendable {
        var value: Value
        var weight: Int
        var older: Key?
        var newer: Key?
    }

    private let limit: Int
    private var entries: [Key: Entry] = [:]
    private var oldest: Key?
    private var newest: Key?
    private(set) var weight = 0

    init(weight limit: Int) {
        self.limit = limit
    }

    var count: Int { self.entries.count }

    /// The value, which is the newest from now on.
    mutating func use(_ key: Key) -> Value? {
        guard let entry = self.entries[key] else { return nil }
        if self.newest != key {
            self.unlink(key, entry)
            self.link(key)
        }
        return entry.value
    }

    /// Sets a value; one that is heavier than the limit is not kept.
    mutating func set(_ key: Key, _ value: Value, weight: Int) {
        self.remove(key)
        guard weight <= self.limit else { return }
        self.entries[key] = Entry(value: value, weight: weight)
        self.weight += weight
        self.link(key)
        while self.weight > self.limit, let oldest = self.oldest { self.remove(oldest) }
    }

    mutating func remove(_ key: Key) {
        guard let entry = self.entries[key] else { return }
        self.unlink(key, entry)
        self.entries[key] = nil
        self.weight -= entry.weight
    }

    private mutating func unlink(_ key: Key, _ entry: Entry) {
        if let older = entry.older { self.entries[older]?.newer = entry.newer } else { self.oldest = entry.newer }
        if let newer = entry.newer { self.entries[newer]?.older = entry.older } else { self.newest = entry.older }
    }

    private mutating func link(_ key: Key) {
        self.entries[key]?.older = self.newest
        self.entries[key]?.newer = nil
        if let newest = self.newest { self.entries[newest]?.newer = key } else { self.oldest = key }
        self.newest = key
    }
}
