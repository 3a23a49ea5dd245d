//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import AsyncHTTPClient
import NIOCore
import Synchronization

/// HTTP clients, each on one event loop of its own, used in turn.
///
/// So a connection and the request on it are always on one loop. It saves a hop for each chunk; above all, with two
/// loops async-http-client 1.37 may learn that a request was sent only after its response is there, and it ends the
/// process if the connection is closed meanwhile ("A connection that we don't know was released?"). Requiring a loop
/// for each request would do the same, but such connections are not used again.
final class LoopClients: Sendable {
    private let clients: [HTTPClient]
    private let turn = Atomic<Int>(0)

    init(group: any EventLoopGroup, configuration: HTTPClient.Configuration) {
        self.clients = group.makeIterator().prefix(ModelsLimits.clientLoops).map { loop in
            HTTPClient(eventLoopGroupProvider: .shared(loop), configuration: configuration)
        }
    }

    /// The client for the next request.
    func next() -> HTTPClient {
        let turn = self.turn.wrappingAdd(1, ordering: .relaxed).oldValue
        return self.clients[Int(UInt(bitPattern: turn) % UInt(self.clients.count))]
    }

    /// Closes all connections; running requests fail.
    func shutdown() async {
        for client in self.clients {
            try? await client.shutdown()
        }
    }
}
