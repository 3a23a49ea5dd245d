//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import SeededRandom
import Testing
import VectorIndex

@Suite("A process that is killed while it saves", .timeLimit(.minutes(1)))
struct KillTests {
    /// The program beside the bundle of the tests.
    static var program: URL {
        var folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        while folder.path != "/" {
            let candidate = folder.appendingPathComponent("vector-index-benchmark")
            if FileManager.default.isExecutableFile(atPath: candidate.path) { return candidate }
            folder.deleteLastPathComponent()
        }
        return folder
    }

    @Test("leaves a whole file that covers at least the last sequence it said was saved")
    func killed() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("killed-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("index").path
        let entries = 4000
        var configuration = VectorIndex.Configuration(model: "benchmark", dimension: 32)
        configuration.exactEntries = VectorIndexLimits.entries
        var random = SeededGenerator(seed: 31)
        for _ in 0..<12 {
            let process = Process()
            process.executableURL = Self.program
            process.arguments = ["save-for-ever", path, String(entries)]
            let output = Pipe()
            process.standardOutput = output
            try process.run()
            // After the first saves, a random moment in one of the next: so many bytes of the new file are there.
            var said = ""
            while said.filter({ $0 == "\n" }).count < Int.random(in: 1...3, using: &random) {
                guard let more = try output.fileHandleForReading.read(upToCount: 1), !more.isEmpty else { break }
                said += String(decoding: more, as: UTF8.self)
            }
            let wait = ContinuousClock.now + .microseconds(Int.random(in: 0...40_000, using: &random))
            while ContinuousClock.now < wait { await Task.yield() }
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            said += try String(decoding: output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
            let last = said.split(separator: "\n").last.flatMap { Int64($0) } ?? 0
            #expect(last > 0)
            let index = try await VectorIndex.load(from: path, configuration: configuration)
            let status = index.status
            #expect(status.sequence == last || status.sequence == last + 1)
            #expect(status.entries == entries)
            // All of its entries are of the one save.
            let one = try index.search(
                [Float](repeating: 1, count: 32), limit: VectorIndexLimits.results,
                filter: .partitions([status.sequence]))
            #expect(one.count == VectorIndexLimits.results)
        }
    }
}
