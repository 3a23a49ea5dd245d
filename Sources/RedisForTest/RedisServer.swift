//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import Synchronization

/// A real `redis-server` of one test, on a free port of 127.0.0.1 with a temporary folder.
///
/// It is ended by its process id when the test ends it, and by a watching shell when the test's process dies.
public final class RedisServer: Sendable {
    /// What a killed server still knows when it is started again.
    public enum Persistence: String, Sendable {
        case nothing
        /// Appended to a file that reaches the disk within about a second.
        case everySecond = "everysec"
        /// Appended to a file before the command is answered.
        case always
    }

    private struct Running {
        /// The shell that ends the server when its standard input closes.
        var shell: Process
        var lifeline: Pipe
        var processID: pid_t
    }

    /// Starts the server, names its process, and ends it at the end of the input, which comes when the test's process
    /// ends it or dies.
    private static let watch = """
        log=$1; shift
        "$@" >>"$log" 2>&1 & server=$!
        echo $server
        cat >/dev/null
        kill -9 $server
        wait
        """

    public let port: Int
    private let folder: URL
    private let arguments: [String]
    private let running = Mutex<Running?>(nil)

    /// `redis://127.0.0.1:<port>`
    public var url: String { "redis://127.0.0.1:\(self.port)" }

    private init(port: Int, folder: URL, arguments: [String]) {
        self.port = port
        self.folder = folder
        self.arguments = arguments
    }

    /// Starts a server; it answers when this returns. Whoever starts it must ``stop()`` it; ``with(_:arguments:_:)``
    /// does both.
    ///
    /// - Parameter arguments: more words for the command line, such as `["--requirepass", "secret"]`; with these,
    ///   commands of this type are refused, but the server is known to be up.
    public static func start(
        _ persistence: Persistence = .nothing, arguments: [String] = []
    ) async throws -> RedisServer {
        var words = ["--bind", "127.0.0.1", "--daemonize", "no", "--save", "", "--protected-mode", "no"]
        words +=
            persistence == .nothing
            ? ["--appendonly", "no"]
            : [
                "--appendonly", "yes", "--appendfsync", persistence.rawValue,
            ]
        // Another process may take the port between our look and the server's start.
        for _ in 1..<RedisForTestLimits.portAttempts {
            if let server = try? await self.start(words + arguments) { return server }
        }
        return try await self.start(words + arguments)
    }

    private static func start(_ arguments: [String]) async throws -> RedisServer {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("parley-redis-\(UUID().uuidString)", isDirectory: true)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let server = RedisServer(port: try LocalSocket.freePort(), folder: folder, arguments: arguments)
        do {
            try await server.start()
        } catch {
            server.stop()
            throw error
        }
        return server
    }

    /// Runs `body` with a server of its own.
    public static func with<Result: Sendable>(
        _ persistence: Persistence = .nothing, arguments: [String] = [],
        _ body: (RedisServer) async throws -> Result
    ) async throws -> Result {
        let server = try await Self.start(persistence, arguments: arguments)
        defer { server.stop() }
        return try await body(server)
    }

    /// Starts a server that was killed again, on its port and its folder.
    public func start() async throws {
        let log = self.folder.appendingPathComponent("log").path
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        let words = ["redis-server", "--port", "\(self.port)", "--dir", self.folder.path] + self.arguments
        shell.arguments = ["-c", Self.watch, "sh", log] + words
        let lifeline = Pipe()
        let output = Pipe()
        shell.standardInput = lifeline
        shell.standardOutput = output
        shell.standardError = FileHandle.nullDevice
        try shell.run()
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        guard let processID = pid_t(line.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw RedisForTestError("the shell named no process: \(line)")
        }
        self.running.withLock { $0 = Running(shell: shell, lifeline: lifeline, processID: processID) }
        try await self.waitUntilUp(processID, log: log)
    }

    private func waitUntilUp(_ processID: pid_t, log: String) async throws {
        let deadline = ContinuousClock.now.advanced(by: RedisForTestLimits.startPatience)
        while ContinuousClock.now < deadline {
            guard Self.isAlive(processID) else { break }
            if let answer = try? self.command("INFO", "server") {
                // With a password it is refused, but by our server or one that took the port while ours died.
                if answer.contains("process_id:\(processID)\r\n") || answer.hasPrefix("NOAUTH") { return }
                guard answer.hasPrefix("LOADING") else { break }
            }
            try await Task.sleep(for: RedisForTestLimits.poll)
        }
        let said = (try? String(contentsOfFile: log, encoding: .utf8))?.suffix(500) ?? ""
        throw RedisForTestError("redis-server on port \(self.port) did not come up: \(said)")
    }

    /// Ends the server as a power cut would, and returns when it is gone. ``start()`` starts it again.
    public func kill() async throws {
        guard let running = self.running.withLock({ $0 }) else { return }
        _ = Foundation.kill(running.processID, SIGKILL)
        let deadline = ContinuousClock.now.advanced(by: RedisForTestLimits.startPatience)
        while Self.isAlive(running.processID), ContinuousClock.now < deadline {
            try await Task.sleep(for: RedisForTestLimits.poll)
        }
        self.end()
    }

    /// Stops the server's clock, so that it takes connections and answers nothing; ``resume()`` lets it go on.
    public func pause() {
        self.signal(SIGSTOP)
    }

    public func resume() {
        self.signal(SIGCONT)
    }

    /// Ends the server and removes its folder.
    public func stop() {
        self.signal(SIGKILL)
        self.end()
        try? FileManager.default.removeItem(at: self.folder)
    }

    private func signal(_ signal: Int32) {
        self.running.withLock { running in
            // The shell keeps the process as a zombie, so its id cannot have become another's.
            if let running { _ = Foundation.kill(running.processID, signal) }
        }
    }

    private func end() {
        let running = self.running.withLock { running -> Running? in
            defer { running = nil }
            return running
        }
        guard let running else { return }
        try? running.lifeline.fileHandleForWriting.close()
        running.shell.waitUntilExit()
    }

    /// Whether the process runs: a zombie, whose shell has not looked at it yet, does not.
    private static func isAlive(_ processID: pid_t) -> Bool {
        guard let status = try? String(contentsOfFile: "/proc/\(processID)/stat", encoding: .utf8),
            let state = status.split(separator: ")").last?.split(separator: " ").first
        else { return false }
        return state != "Z" && state != "X"
    }

    /// Asks the server on a connection of its own, beside the client under test; the answer in words, elements of
    /// arrays one a line, an error as it is written.
    @discardableResult
    public func command(_ words: String...) throws -> String {
        try LocalSocket.ask(words, port: self.port)
    }
}

/// Why a server for a test could not be had.
public struct RedisForTestError: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
