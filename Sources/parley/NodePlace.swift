//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Synchronization

/// Where a node is reached and since when it runs, for the registry.
final class NodePlace: Sendable {
    let startedAt = Timestamp.now()
    private let host: String
    private let advertised: String?
    private let port: Mutex<Int>

    init(settings: Settings) {
        self.host = settings.host.contains(":") ? "[\(settings.host)]" : settings.host
        self.advertised = settings.cluster.advertise
        self.port = Mutex(settings.port)
    }

    /// The port that was bound.
    func found(_ port: Int) {
        self.port.withLock { $0 = port }
    }

    /// Where it listens.
    var bound: String { "http://\(self.host):\(self.port.withLock { $0 })" }

    /// Where others reach it: what was set, or the bound address.
    var address: String { self.advertised ?? self.bound }
}
