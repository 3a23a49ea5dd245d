//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import NIOPosix
import Synchronization

@testable import WebSocketServer

/// A peer that says exactly what a test wants it to, byte by byte. For one task at a time.
final class RawClient: Sendable {
    struct Frame: Equatable {
        var opcode: UInt8
        var payload: [UInt8]

        var text: String { String(decoding: self.payload, as: UTF8.self) }
        /// The code of a Close frame; nil when it has none.
        var closeCode: UInt16? {
            self.payload.count < 2 ? nil : UInt16(self.payload[0]) << 8 | UInt16(self.payload[1])
        }
    }

    private struct Inbound {
        var buffer = ByteBuffer()
        var isClosed = false
    }

    private let channel: any Channel
    private let inbound: Collector

    private init(channel: any Channel, inbound: Collector) {
        self.channel = channel
        self.inbound = inbound
    }

    static func connect(port: Int, receiveBufferBytes: Int? = nil) async throws -> RawClient {
        let collector = Collector()
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in channel.pipeline.addHandler(collector) }
        if let receiveBufferBytes {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: .init(receiveBufferBytes))
        }
        let channel = try await bootstrap.connect(host: "127.0.0.1", port: port).get()
        return RawClient(channel: channel, inbound: collector)
    }

    /// Connects and shakes hands.
    static func open(port: Int, path: String = "/ws", receiveBufferBytes: Int? = nil) async throws -> RawClient {
        let client = try await RawClient.connect(port: port, receiveBufferBytes: receiveBufferBytes)
        try await client.send(RawClient.handshake(path))
        guard let head = await client.head(), head.hasPrefix("HTTP/1.1 101") else { throw Unexpected() }
        return client
    }

    struct Unexpected: Error {}

    static func handshake(_ path: String = "/ws", without: String? = nil, extra: String = "") -> String {
        let lines = [
            "GET \(path) HTTP/1.1", "Host: test.example", "Upgrade: websocket", "Connection: keep-alive, Upgrade",
            "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ]
        return lines.filter { line in without.map { !line.hasPrefix($0) } ?? true }.joined(separator: "\r\n")
            + "\r\n\(extra)\r\n"
    }

    // MARK: Sending

    func send(_ text: String) async throws { try await self.send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) async throws {
        try await self.channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    /// A masked frame.
    static func frame(_ opcode: UInt8, _ payload: [UInt8], fin: Bool = true) -> [UInt8] {
        let key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
        var frame: [UInt8] = [(fin ? 0x80 : 0) | opcode]
        switch payload.count {
        case 0..<126: frame.append(0x80 | UInt8(payload.count))
        case 126..<65_536: frame += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        default: frame += [0x80 | 127] + (0..<8).reversed().map { UInt8(payload.count >> ($0 * 8) & 255) }
        }
        return frame + key + payload.enumerated().map { $1 ^ key[$0 % 4] }
    }

    static func text(_ text: String, fin: Bool = true) -> [UInt8] { self.frame(1, Array(text.utf8), fin: fin) }

    static func close(_ code: UInt16) -> [UInt8] { self.frame(8, [UInt8(code >> 8), UInt8(code & 255)]) }

    func endOutput() async throws { try await self.channel.close(mode: .output).get() }

    func close() async { try? await self.channel.close().get() }

    func setAutoRead(_ isOn: Bool) async throws { try await self.channel.setOption(.autoRead, value: isOn).get() }

    // MARK: Receiving

    /// The bytes up to and with the end of a header; nil when the connection ends before.
    func head() async -> String? {
        await self.inbound.next { buffer in
            guard let end = buffer.readableBytesView.firstRange(of: "\r\n\r\n".utf8) else { return nil }
            return buffer.readString(length: end.upperBound - buffer.readableBytesView.startIndex)
        }
    }

    /// A response's head and as much of a body as it announces.
    func response() async -> (head: String, body: String)? {
        guard let head = await self.head() else { return nil }
        let length = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
            .flatMap { Int($0.split(separator: " ")[1]) }
        guard let length, length > 0 else { return (head, "") }
        return await self.inbound.next { $0.readString(length: length) }.map { (head, $0) }
    }

    /// The next frame; nil when the connection ends before.
    func frame() async -> Frame? {
        await self.inbound.next { buffer in
            var copy = buffer
            guard let first = copy.readInteger(as: UInt8.self), let second = copy.readInteger(as: UInt8.self) else {
                return nil
            }
            let length: Int?
            switch second {
            case 126: length = copy.readInteger(as: UInt16.self).map(Int.init)
            case 127: length = copy.readInteger(as: UInt64.self).map(Int.init)
            default: length = Int(second)
            }
            guard let length, let payload = copy.readBytes(length: length) else { return nil }
            buffer = copy
            return Frame(opcode: first & 0x0F, payload: payload)
        }
    }

    /// Everything up to the end of the connection.
    func rest() async -> String {
        while await self.inbound.next({ _ in nil as Void? }) != nil {}
        return self.inbound.takeAll()
    }
}

/// Gathers what comes in, for one reader.
final class Collector: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let state = Mutex<(buffer: ByteBuffer, isClosed: Bool)>((ByteBuffer(), false))
    private let signal = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        self.state.withLock { _ = $0.buffer.writeImmutableBuffer(buffer) }
        self.signal.continuation.yield()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.state.withLock { $0.isClosed = true }
        self.signal.continuation.finish()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    /// What `take` finds in the bytes so far, as soon as it finds something; nil at the end of the connection.
    func next<Value>(_ take: (inout ByteBuffer) -> Value?) async -> Value? {
        while true {
            let (value, isClosed) = self.state.withLock { state in (take(&state.buffer), state.isClosed) }
            if let value { return value }
            if isClosed { return nil }
            for await _ in self.signal.stream { break }
        }
    }

    func takeAll() -> String {
        self.state.withLock { state in state.buffer.readString(length: state.buffer.readableBytes) ?? "" }
    }
}
