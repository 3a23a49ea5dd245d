//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// A redis-server, or a Sentinel, of its own for a test: on a free port, in a temporary folder, ended with the test.
final class RedisServer: Sendable {
    enum Failure: Error {
        case notReady(String)
    }

    static let program = "/usr/bin/redis-server"
    static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: Self.program) }

    let port: Int
    let folder: URL
    private let arguments: [String]
    private let process: Mutex<Process?>

    /// - Parameter arguments: Of redis-server, after its port and folder.
    init(_ arguments: [String] = [], port: Int? = nil) async throws {
        if let port {
            self.port = port
        } else {
            self.port = try await Self.freePort()
        }
        self.folder = FileManager.default.temporaryDirectory.appending(path: "parley-redis-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
        self.arguments = arguments
        self.process = Mutex(nil)
        try await self.start()
    }

    deinit {
        self.kill()
        try? FileManager.default.removeItem(at: self.folder)
    }

    /// A Sentinel that watches the master under the name `main`.
    static func sentinel(of port: Int, quorum: Int = 2) async throws -> RedisServer {
        let file = FileManager.default.temporaryDirectory.appending(path: "parley-sentinel-\(UUID().uuidString).conf")
        try """
        sentinel monitor main 127.0.0.1 \(port) \(quorum)
        sentinel down-after-milliseconds main 1000
        sentinel failover-timeout main 3000
        """.write(to: file, atomically: true, encoding: .utf8)
        return try await RedisServer([file.path, "--sentinel"])
    }

    /// Starts it, again where it was, and waits until it takes connections.
    func start() async throws {
        let process = Process()
        process.executableURL = URL(filePath: Self.program)
        let fixed = ["--port", "\(self.port)", "--bind", "127.0.0.1", "--dir", self.folder.path]
        if self.arguments.last == "--sentinel" {
            process.arguments = [self.arguments[0], "--sentinel"] + fixed
        } else {
            process.arguments = fixed + ["--save", ""] + self.arguments
        }
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        self.process.withLock { $0 = process }
        try await Self.waitUntilReady(output)
    }

    /// Ends it as a crash would, and waits until it has ended.
    func kill() {
        let process = self.process.withLock { process in
            defer { process = nil }
            return process
        }
        guard let process, process.isRunning else { return }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// Sends it a signal.
    func signal(_ signal: Int32) {
        guard let process = self.process.withLock({ $0 }) else { return }
        Foundation.kill(process.processIdentifier, signal)
    }

    /// Reads what it prints until it says that it is ready, and then on, so that it never waits for a reader.
    private static func waitUntilReady(_ output: Pipe) async throws {
        let (lines, continuation) = AsyncStream<String>.makeStream()
        output.fileHandleForReading.readabilityHandler = { handle in
            let data = handle.availableData
            if data.isEmpty {
                handle.readabilityHandler = nil
                continuation.finish()
            } else {
                continuation.yield(String(decoding: data, as: UTF8.self))
            }
        }
        var text = ""
        for await line in lines {
            text += line
            if text.contains("Ready to accept connections") || text.contains("Sentinel ID is") { return }
        }
        throw Failure.notReady(text)
    }

    /// A port that was free a moment ago.
    static func freePort() async throws -> Int {
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = channel.localAddress?.port
        try await channel.close().get()
        return try #require(port)
    }
}
