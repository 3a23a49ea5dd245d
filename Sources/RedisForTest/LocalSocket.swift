//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation

/// The least of sockets and RESP2 (https://redis.io/docs/latest/develop/reference/protocol-spec/) that a test needs
/// beside the client that it tests. Calls block for at most ``RedisForTestLimits/answerSeconds``.
enum LocalSocket {
    /// A port of 127.0.0.1 that was free a moment ago.
    static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw RedisForTestError("no socket") }
        defer { close(descriptor) }
        var address = Self.address(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && getsockname(descriptor, address, &length) == 0
            }
        }
        guard isBound else { throw RedisForTestError("no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    static func ask(_ words: [String], port: Int) throws -> String {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw RedisForTestError("no socket") }
        defer { close(descriptor) }
        var patience = timeval(tv_sec: RedisForTestLimits.answerSeconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, size)
        var address = Self.address(port: port)
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else { throw RedisForTestError("no connection to port \(port)") }
        var request = "*\(words.count)\r\n"
        for word in words {
            request += "$\(word.utf8.count)\r\n\(word)\r\n"
        }
        try Self.write(Array(request.utf8), to: descriptor)
        var reader = Reader(descriptor: descriptor)
        return try reader.answer(depth: 0)
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw RedisForTestError("the connection broke") }
            rest = rest.dropFirst(count)
        }
    }

    private static func address(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(truncatingIfNeeded: port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private struct Reader {
        let descriptor: Int32
        var buffer: [UInt8] = []

        init(descriptor: Int32) {
            self.descriptor = descriptor
        }

        mutating func answer(depth: Int) throws -> String {
            guard depth < RedisForTestLimits.depth else { throw RedisForTestError("an answer nested too deeply") }
            let line = try self.line()
            let rest = String(line.dropFirst())
            switch line.first {
            case "+", "-", ":": return rest
            case "$":
                guard let count = Int(rest), count >= 0 else { return "(nil)" }
                let text = String(decoding: try self.take(count), as: UTF8.self)
                _ = try self.take(2)
                return text
            case "*":
                guard let count = Int(rest), count >= 0 else { return "(nil)" }
                var lines: [String] = []
                for _ in 0..<count {
                    lines.append(try self.answer(depth: depth + 1))
                }
                return lines.joined(separator: "\n")
            default: throw RedisForTestError("no answer of RESP2: \(line)")
            }
        }

        private mutating func line() throws -> String {
            var searched = 0
            while true {
                if let end = self.buffer[searched...].firstIndex(of: 0x0A) {
                    let line = String(decoding: self.buffer[..<max(end - 1, 0)], as: UTF8.self)
                    self.buffer.removeFirst(end + 1)
                    return line
                }
                searched = self.buffer.count
                try self.fill()
            }
        }

        private mutating func take(_ count: Int) throws -> [UInt8] {
            while self.buffer.count < count {
                try self.fill()
            }
            defer { self.buffer.removeFirst(count) }
            return Array(self.buffer[..<count])
        }

        private mutating func fill() throws {
            var chunk = [UInt8](repeating: 0, count: 64 * 1024)
            let count = recv(self.descriptor, &chunk, chunk.count, 0)
            guard count > 0 else { throw RedisForTestError("the server gave no answer") }
            self.buffer += chunk[..<count]
        }
    }
}
