//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation

/// A port on the loopback interface to which no connection can be made though something listens there: its queue of
/// connections is full and is never emptied, so that the kernel leaves further ones without an answer.
public struct UnresponsiveListener: Sendable {
    public struct Failure: Error {
        /// What could not be done, and `errno`.
        public var description: String
    }

    public let port: Int
    private let sockets: [Int32]

    public init() throws {
        let listener = try Self.socket()
        var sockets = [listener]
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            // A sockaddr_in is a sockaddr, as the socket calls have it.
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listener, pointer, length) == 0 && listen(listener, 0) == 0
                    && getsockname(listener, pointer, &length) == 0
            }
        }
        guard isBound else {
            Foundation.close(listener)
            throw Failure(description: "cannot listen: \(errno)")
        }
        self.port = Int(in_port_t(bigEndian: address.sin_port))
        // A backlog of 0 holds one connection; the others fill what the kernel grants beyond it.
        for _ in 0..<4 {
            let client = try Self.socket()
            sockets.append(client)
            _ = fcntl(client, F_SETFL, O_NONBLOCK)
            _ = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(client, $0, length) }
            }
        }
        self.sockets = sockets
    }

    public func close() {
        for socket in self.sockets { Foundation.close(socket) }
    }

    private static func socket() throws -> Int32 {
        let descriptor = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(description: "no socket: \(errno)") }
        return descriptor
    }
}
