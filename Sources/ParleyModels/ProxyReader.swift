//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import ParleyCore
import Synchronization

/// Reads a response that is handed on, and reports once how it ended: complete, broken, or dropped by its reader.
final class ProxyReader: Sendable {
    private struct Progress {
        var hasBegun = false
        var hasEnded = false
    }

    private let response: ModelServer.Response
    private let server: ModelServer
    private let sent: ContinuousClock.Instant
    private let progress = Mutex(Progress())

    init(response: ModelServer.Response, server: ModelServer, sent: ContinuousClock.Instant) {
        self.response = response
        self.server = server
        self.sent = sent
    }

    deinit {
        if self.end() {
            self.response.exchange.cancel()
            self.server.ended(self.response.ticket, with: CancellationError())
        }
    }

    func next() async throws -> ByteBuffer? {
        let exchange = self.response.exchange
        do {
            let bytes = try await withTaskCancellationHandler {
                try await exchange.next()
            } onCancel: {
                exchange.cancel()
            }
            guard let bytes else {
                if self.end() {
                    self.server.succeeded(self.response.ticket)
                    self.server.metrics.requestEnded("completed")
                }
                return nil
            }
            // What has come meanwhile goes along, so that a fast server does not cost a write for each chunk.
            var all = bytes
            while all.readableBytes < ModelsLimits.responseBufferBytes, var more = exchange.available() {
                all.writeBuffer(&more)
            }
            exchange.tokenReceived()
            if self.begin() {
                self.server.succeeded(self.response.ticket)
                self.server.metrics.firstTokenCame(after: ContinuousClock.now - self.sent)
            }
            return all
        } catch {
            if self.end() { self.server.ended(self.response.ticket, with: error) }
            throw error
        }
    }

    private func begin() -> Bool {
        self.progress.withLock { progress in
            defer { progress.hasBegun = true }
            return !progress.hasBegun
        }
    }

    private func end() -> Bool {
        self.progress.withLock { progress in
            defer { progress.hasEnded = true }
            return !progress.hasEnded
        }
    }
}
