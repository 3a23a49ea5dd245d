//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import NIOPosix
import ParleyCore

/// Talks to a server byte by byte, as no well-behaved client does.
enum RawExchange {
    /// Sends the bytes and returns what comes back until the server ends the connection or the first piece came.
    static func send(_ text: String, port: Int) async throws -> String {
        try await Self.open(port) { inbound, outbound in
            try await outbound.write(ByteBuffer(string: text))
            for try await piece in inbound { return String(buffer: piece) }
            return ""
        }
    }

    /// Sends the bytes and closes the connection.
    static func breakOff(_ text: String, port: Int) async throws {
        try await Self.open(port) { _, outbound in try await outbound.write(ByteBuffer(string: text)) }
    }

    /// Sends each text on a connection of its own, and keeps them open while the body runs.
    static func whileOpen(_ texts: [String], port: Int, _ body: () async throws -> Void) async throws {
        guard let text = texts.first else { return try await body() }
        try await Self.open(port) { _, outbound in
            try await outbound.write(ByteBuffer(string: text))
            try await Self.whileOpen(Array(texts.dropFirst()), port: port, body)
        }
    }

    /// Opens a WebSocket, and returns once the server has sent a text on it, such as the reason why it closes it.
    ///
    /// - Parameter onOpen: called when the handshake is done.
    static func socket(
        cookie: String, port: Int, until text: String, onOpen: @Sendable () async throws -> Void
    ) async throws {
        let handshake = """
            GET /api/ws HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nCookie: \(cookie)\r\nConnection: Upgrade\r\n\
            Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n
            """
        try await Self.open(port) { inbound, outbound in
            try await outbound.write(ByteBuffer(string: handshake))
            var received = ""
            var isOpen = false
            for try await piece in inbound {
                received += String(decoding: piece.readableBytesView, as: UTF8.self)
                if received.contains(text) { return }
                if !isOpen, received.hasPrefix("HTTP/1.1 101"), received.contains("\r\n\r\n") {
                    isOpen = true
                    try await onOpen()
                }
            }
            throw SocketEnded(received: received)
        }
    }

    /// The server ended a WebSocket without saying what was waited for.
    struct SocketEnded: Error {
        var received: String
    }

    private static func open<Value: Sendable>(
        _ port: Int,
        _ body: (
            NIOAsyncChannelInboundStream<ByteBuffer>, NIOAsyncChannelOutboundWriter<ByteBuffer>
        ) async throws -> Value
    ) async throws -> Value {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { try await body($0, $1) }
    }
}

/// A store whose disk is full.
struct FullStore: DocumentStore {
    private static let full = StoreError(.full, "The disk is full.")

    func create(_ collection: KnowledgeCollection) async throws(StoreError) -> StoredCollection { throw Self.full }

    func collection(named name: String, owner: UserID, at time: Timestamp) async throws(StoreError) -> StoredCollection
    {
        let collection = KnowledgeCollection(id: .generate(), ownerID: owner, name: name, createdAt: time)
        return StoredCollection(collection: collection, partition: 1, documentCount: 0)
    }

    func collections(readableBy user: UserID) async throws(StoreError) -> [StoredCollection] { [] }

    func partitions(
        readableBy user: UserID
    ) async throws(StoreError) -> [(collection: CollectionID, partition: Int64)] { [] }

    func collection(_ id: CollectionID, readableBy user: UserID) async throws(StoreError) -> StoredCollection {
        throw Self.full
    }

    func update(
        _ id: CollectionID, owner: UserID, patch: CollectionPatch
    ) async throws(StoreError) -> StoredCollection { throw Self.full }

    func delete(_ id: CollectionID, owner: UserID) async throws(StoreError) { throw Self.full }

    func hasContent(_ hash: [UInt8]) async throws(StoreError) -> Bool { false }

    func writeContent(_ hash: [UInt8], part: Int, bytes: [UInt8]) async throws(StoreError) { throw Self.full }

    func completeContent(_ hash: [UInt8], byteCount: Int) async throws(StoreError) { throw Self.full }

    func contentPart(_ hash: [UInt8], part: Int) async throws(StoreError) -> [UInt8]? { nil }

    func add(
        _ document: NewDocument, owner: UserID
    ) async throws(StoreError) -> (Document, DocumentAddition) { throw StoreError(.internal, "must not come here") }

    func documents(
        in collection: CollectionID?, readableBy user: UserID, before: String?, limit: Int
    ) async throws(StoreError) -> Page<Document> { throw Self.full }

    func document(_ id: DocumentID, readableBy user: UserID) async throws(StoreError) -> Document { throw Self.full }

    func delete(_ id: DocumentID, owner: UserID) async throws(StoreError) { throw Self.full }

    func retry(_ id: DocumentID, owner: UserID) async throws(StoreError) -> Document { throw Self.full }

    func unreadyDocuments(in partitions: [Int64], limit: Int) async throws(StoreError) -> [Document] { [] }
}
