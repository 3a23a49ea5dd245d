//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Synchronization

/// Those who read the changes of a list of nodes.
final class NodeListListeners: Sendable {
    private let last = Mutex<NodeList?>(nil)
    private let broadcast = Broadcast<NodeList>(capacity: 1)

    /// Tells them, unless nothing but times has changed.
    func tell(_ list: NodeList) {
        let isNew = self.last.withLock { last in
            guard last?.withoutTimes != list.withoutTimes else { return false }
            last = list
            return true
        }
        if isNew { self.broadcast.tell(list) }
    }

    func listen() -> AsyncStream<NodeList> {
        self.broadcast.listen()
    }
}
