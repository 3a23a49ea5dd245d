//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore

/// A connection's channel as Hummingbird's request loop sees it: it closes when the connection does, or when the
/// connection has become a WebSocket.
///
/// The loop waits for its channel to close before it returns, and the memory of a task that waits there for the life of
/// a WebSocket is larger than all that the WebSocket needs. So the loop is given this channel, returns at the upgrade,
/// and its task ends. Everything but ``closeFuture`` is the connection's own; that the loop closes the channel when it
/// returns is for ``WebSocketHandler`` to ignore, since NIO sends a close without a mode straight to the pipeline.
final class HTTPPhaseChannel: Channel {
    private let base: any Channel
    private let end: EventLoopPromise<Void>
    private let hasEnded: NIOLoopBoundBox<Bool>

    /// The HTTP phase of `base`. On its event loop.
    init(_ base: any Channel) {
        self.base = base
        self.end = base.eventLoop.makePromise()
        self.hasEnded = NIOLoopBoundBox(false, eventLoop: base.eventLoop)
        base.closeFuture.whenComplete { _ in self.finish() }
    }

    /// The connection speaks HTTP no longer. On its event loop; a second call changes nothing.
    func finish() {
        guard !self.hasEnded.value else { return }
        self.hasEnded.value = true
        self.end.succeed()
    }

    var closeFuture: EventLoopFuture<Void> { self.end.futureResult }

    var allocator: ByteBufferAllocator { self.base.allocator }
    var pipeline: ChannelPipeline { self.base.pipeline }
    var localAddress: SocketAddress? { self.base.localAddress }
    var remoteAddress: SocketAddress? { self.base.remoteAddress }
    var parent: (any Channel)? { self.base.parent }
    var isWritable: Bool { self.base.isWritable }
    var isActive: Bool { self.base.isActive }
    var eventLoop: any EventLoop { self.base.eventLoop }
    var _channelCore: any ChannelCore { self.base._channelCore }
    var syncOptions: (any NIOSynchronousChannelOptions)? { self.base.syncOptions }

    func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) -> EventLoopFuture<Void> {
        self.base.setOption(option, value: value)
    }

    func getOption<Option: ChannelOption>(_ option: Option) -> EventLoopFuture<Option.Value> {
        self.base.getOption(option)
    }
}
