//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import NIOPosix
import Synchronization

/// Stands between client and server and does what networks do: delays, cuts, swallows.
final class TCPProxy: Sendable {
    enum Mode: Sendable {
        case forward
        /// Replies come later.
        case delay(TimeAmount)
        /// Nothing comes through in either direction, and nobody is told.
        case blackhole
        /// After as many bytes of replies from now on the connection ends.
        case cutAfter(Int)
        /// Connections are closed at once.
        case refuse
    }

    private struct State {
        var mode = Mode.forward
        var repliedBytes = 0
        var channels: [ObjectIdentifier: any Channel] = [:]
    }

    private let state = Mutex(State())
    private let target: Int
    private let listener = Mutex<(any Channel)?>(nil)

    var port: Int { self.listener.withLock { $0?.localAddress?.port } ?? 0 }

    /// - Parameter target: The server's port on 127.0.0.1.
    init(to target: Int) async throws {
        self.target = target
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { [weak self] channel in
                guard let self else { return channel.close() }
                return self.accept(channel)
            }
            .bind(host: "127.0.0.1", port: 0).get()
        self.listener.withLock { $0 = channel }
    }

    func close() async throws {
        self.cut()
        try await self.listener.withLock { $0 }?.close().get()
    }

    /// From now on, also for connections that are open.
    func set(_ mode: Mode) {
        self.state.withLock { state in
            state.mode = mode
            state.repliedBytes = 0
        }
    }

    /// Ends all connections.
    func cut() {
        for channel in self.state.withLock({ Array($0.channels.values) }) { channel.close(promise: nil) }
    }

    private func accept(_ client: any Channel) -> EventLoopFuture<Void> {
        if case .refuse = self.state.withLock(\.mode) { return client.close() }
        return ClientBootstrap(group: client.eventLoop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connect(host: "127.0.0.1", port: self.target)
            .flatMap { server in
                self.state.withLock { state in
                    state.channels[ObjectIdentifier(client)] = client
                    state.channels[ObjectIdentifier(server)] = server
                }
                client.closeFuture.whenComplete { _ in self.forget(client, and: server) }
                server.closeFuture.whenComplete { _ in self.forget(client, and: server) }
                return client.pipeline.addHandler(Pump(to: server) { self.request($0) }).flatMap {
                    server.pipeline.addHandler(Pump(to: client) { self.reply($0) })
                }
            }
    }

    private func forget(_ client: any Channel, and server: any Channel) {
        self.state.withLock { state in
            state.channels[ObjectIdentifier(client)] = nil
            state.channels[ObjectIdentifier(server)] = nil
        }
        client.close(promise: nil)
        server.close(promise: nil)
    }

    enum Action {
        case pass(ByteBuffer, after: TimeAmount)
        case drop
        case end(ByteBuffer)
    }

    private func request(_ bytes: ByteBuffer) -> Action {
        if case .blackhole = self.state.withLock(\.mode) { return .drop }
        return .pass(bytes, after: .zero)
    }

    private func reply(_ bytes: ByteBuffer) -> Action {
        self.state.withLock { state in
            switch state.mode {
            case .forward, .refuse: return .pass(bytes, after: .zero)
            case .delay(let time): return .pass(bytes, after: time)
            case .blackhole: return .drop
            case .cutAfter(let limit):
                let left = limit - state.repliedBytes
                state.repliedBytes += bytes.readableBytes
                guard left < bytes.readableBytes else { return .pass(bytes, after: .zero) }
                return .end(bytes.getSlice(at: bytes.readerIndex, length: max(0, left)) ?? ByteBuffer())
            }
        }
    }

    /// Moves bytes from the channel that it is in to another one.
    private final class Pump: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer

        private let other: any Channel
        private let decide: @Sendable (ByteBuffer) -> Action

        init(to other: any Channel, decide: @escaping @Sendable (ByteBuffer) -> Action) {
            self.other = other
            self.decide = decide
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let other = self.other
            switch self.decide(Self.unwrapInboundIn(data)) {
            case .drop: break
            case .pass(let bytes, .zero): other.writeAndFlush(bytes, promise: nil)
            case .pass(let bytes, let time):
                context.eventLoop.scheduleTask(in: time) { other.writeAndFlush(bytes, promise: nil) }
            case .end(let bytes):
                other.writeAndFlush(bytes).whenComplete { _ in other.close(promise: nil) }
            }
        }
    }
}
