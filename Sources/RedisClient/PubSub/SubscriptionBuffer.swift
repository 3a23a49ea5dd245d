//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import DequeModule

/// What a subscriber has not taken yet: at most as much as its capacity, and then one mark of a gap.
///
/// What comes while it is full is dropped. The mark stands where the dropped messages would have been, so that a reader
/// who asks for the truth when it meets the mark misses nothing.
struct SubscriptionBuffer: Sendable {
    private var elements: Deque<RedisSubscription.Element> = []
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = max(1, capacity)
    }

    var isEmpty: Bool { self.elements.isEmpty }
    var count: Int { self.elements.count }

    mutating func push(_ element: RedisSubscription.Element) {
        // Two gaps in a row are one.
        if element == .resubscribed, self.elements.last == .resubscribed { return }
        if self.elements.count < self.capacity {
            self.elements.append(element)
        } else if self.elements.last != .resubscribed {
            self.elements.append(.resubscribed)
        }
    }

    mutating func pop() -> RedisSubscription.Element? {
        self.elements.popFirst()
    }

    mutating func removeAll() {
        self.elements = []
    }
}
