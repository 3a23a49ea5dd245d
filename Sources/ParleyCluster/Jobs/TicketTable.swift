//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import HeapModule
import ParleyCore

/// The tickets of one kind of job: who waits until when, and who was taken until when. A pure value; times are
/// milliseconds.
struct TicketTable {
    /// A place in one of the heaps; it counts while the ticket's serial is still the same.
    private struct Place: Comparable {
        var at: Int64
        var serial: UInt64
        var id: JobID

        static func < (left: Place, right: Place) -> Bool {
            (left.at, left.serial) < (right.at, right.serial)
        }
    }

    private struct Entry {
        var dueAt: Int64
        var isTaken: Bool
        var serial: UInt64
    }

    private var entries: [JobID: Entry] = [:]
    private var waiting = Heap<Place>()
    private var taken = Heap<Place>()
    private var takenCount = 0
    private var lastSerial: UInt64 = 0

    var count: Int { self.entries.count }

    /// - Returns: false when the ticket was there already.
    mutating func add(_ id: JobID, dueAt: Int64) -> Bool {
        guard self.entries[id] == nil else { return false }
        self.place(id, dueAt: dueAt, takenUntil: nil)
        return true
    }

    /// Puts the ticket back or in.
    mutating func putOff(_ id: JobID, dueAt: Int64) {
        self.place(id, dueAt: dueAt, takenUntil: nil)
    }

    /// Keeps the ticket from others until then.
    mutating func extend(_ id: JobID, dueAt: Int64, until end: Int64) {
        self.place(id, dueAt: self.entries[id]?.dueAt ?? dueAt, takenUntil: end)
    }

    mutating func remove(_ id: JobID) {
        guard let entry = self.entries.removeValue(forKey: id) else { return }
        if entry.isTaken { self.takenCount -= 1 }
        self.compact()
    }

    /// Takes at most `limit` tickets: first those that were taken and never given back.
    mutating func take(limit: Int, now: Int64, until end: Int64) -> (tickets: [(id: JobID, dueAt: Int64)], lapsed: Int)
    {
        var found: [(id: JobID, dueAt: Int64)] = []
        while found.count < limit, let place = self.first(\.taken), place.at <= now {
            found.append((place.id, self.lease(place.id, until: end)))
        }
        let lapsed = found.count
        while found.count < limit, let place = self.first(\.waiting), place.at <= now {
            found.append((place.id, self.lease(place.id, until: end)))
        }
        return (found, lapsed)
    }

    /// When the next ticket can be taken.
    mutating func nextDue() -> Int64? {
        [self.first(\.taken)?.at, self.first(\.waiting)?.at].compactMap(\.self).min()
    }

    mutating func depth(now: Int64) -> JobQueueFigures.Depth {
        let oldest = self.first(\.waiting).map { max(now - $0.at, 0) } ?? 0
        return .init(waiting: self.count - self.takenCount, taken: self.takenCount, oldestDueMs: oldest)
    }

    // MARK: Places

    private mutating func lease(_ id: JobID, until end: Int64) -> Int64 {
        let dueAt = self.entries[id]?.dueAt ?? end
        self.place(id, dueAt: dueAt, takenUntil: end)
        return dueAt
    }

    private mutating func place(_ id: JobID, dueAt: Int64, takenUntil end: Int64?) {
        self.lastSerial += 1
        if self.entries[id]?.isTaken == true { self.takenCount -= 1 }
        self.entries[id] = Entry(dueAt: dueAt, isTaken: end != nil, serial: self.lastSerial)
        let place = Place(at: end ?? dueAt, serial: self.lastSerial, id: id)
        if end == nil {
            self.waiting.insert(place)
        } else {
            self.takenCount += 1
            self.taken.insert(place)
        }
        self.compact()
    }

    /// The earliest place that counts; those before it that do not are dropped.
    private mutating func first(_ heap: WritableKeyPath<TicketTable, Heap<Place>>) -> Place? {
        while let place = self[keyPath: heap].min {
            if self.entries[place.id]?.serial == place.serial { return place }
            self[keyPath: heap].removeMin()
        }
        return nil
    }

    /// Places that do not count any more are at most as many as those that do, give or take a constant.
    private mutating func compact() {
        guard self.waiting.count + self.taken.count > 2 * self.entries.count + 256 else { return }
        self.waiting = Heap(self.waiting.unordered.filter { self.entries[$0.id]?.serial == $0.serial })
        self.taken = Heap(self.taken.unordered.filter { self.entries[$0.id]?.serial == $0.serial })
    }
}
