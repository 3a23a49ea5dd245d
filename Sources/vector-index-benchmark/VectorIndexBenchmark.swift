//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import VectorIndex

// The program that `Benchmarks/vector-index` and the tests of the index run:
//
//     build VECTORS DIMENSION ROWS METHOD INDEX   makes an index of the first rows of a file of float32 and saves it;
//                                                 METHOD is exact, lists or int8; row r has id r and partition r % 10
//     search INDEX DIMENSION QUERIES COUNT LIMIT SHARE RESULTS
//                                                 searches one query after another, in SHARE of 10 partitions, and
//                                                 writes for each its nanoseconds and ids to RESULTS, as int64
//     save-for-ever INDEX ENTRIES                 saves an index again and again and says each sequence that is saved
@main
struct VectorIndexBenchmark {
    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        switch (arguments.first, arguments.count) {
        case ("build", 6): try await self.build(arguments)
        case ("search", 8): try await self.search(arguments)
        case ("save-for-ever", 3): try await self.saveForEver(arguments)
        default: throw Misuse(arguments)
        }
    }

    static func configuration(dimension: Int, method: String = "lists") -> VectorIndex.Configuration {
        var configuration = VectorIndex.Configuration(
            model: "benchmark", dimension: dimension, storage: method == "int8" ? .int8 : .float32)
        if method == "exact" { configuration.exactEntries = VectorIndexLimits.entries }
        if method == "lists" || method == "int8" { configuration.exactEntries = 0 }
        configuration.rebuildThreads = 2
        return configuration
    }

    static func build(_ arguments: [String]) async throws {
        let dimension = try number(arguments[2])
        let rows = try number(arguments[3])
        let index = try VectorIndex(configuration(dimension: dimension, method: arguments[4]))
        let file = try Floats(arguments[1], dimension: dimension)
        let step = 10_000
        for begin in stride(from: 0, to: rows, by: step) {
            let entries = try file.rows(min(step, rows - begin)).enumerated().map { place, vector in
                VectorIndex.Entry(
                    id: Int64(begin + place), partition: Int64((begin + place) % 10), vector: vector)
            }
            try index.apply(upserts: entries, sequence: Int64(begin + entries.count))
        }
        let clock = ContinuousClock()
        let rebuilding = try await clock.measure { try await index.rebuild() }
        let saving = try await clock.measure { try await index.save(to: arguments[5]) }
        print("{\"rebuildSeconds\": \(seconds(rebuilding)), \"saveSeconds\": \(seconds(saving))}")
    }

    static func search(_ arguments: [String]) async throws {
        let dimension = try number(arguments[2])
        let clock = ContinuousClock()
        let before = residentBytes()
        let began = clock.now
        let index = try await VectorIndex.load(from: arguments[1], configuration: configuration(dimension: dimension))
        let loading = clock.now - began
        let after = residentBytes()
        let queries = try Floats(arguments[3], dimension: dimension).rows(number(arguments[4]))
        let limit = try number(arguments[5])
        let share = try number(arguments[6])
        let filter: VectorIndex.Filter = share == 10 ? .all : .partitions(Set((0..<share).map(Int64.init)))
        for query in queries.prefix(10) { _ = try index.search(query, limit: limit, filter: filter) }
        var results: [Int64] = []
        for query in queries {
            let began = clock.now
            let matches = try index.search(query, limit: limit, filter: filter)
            results.append((clock.now - began).components.attoseconds / 1_000_000_000)
            results += (0..<limit).map { $0 < matches.count ? matches[$0].id : -1 }
        }
        try results.withUnsafeBytes { Data($0) }.write(to: URL(fileURLWithPath: arguments[7]))
        let status = index.status
        let method =
            switch status.method {
            case .exact: "\"lists\": 0, \"probes\": 0"
            case .lists(let count, let probes): "\"lists\": \(count), \"probes\": \(probes)"
            }
        print(
            "{\"loadSeconds\": \(seconds(loading)), \"bytes\": \(status.bytes), \"residentBytes\": \(after - before), "
                + "\"entries\": \(status.entries), \(method)}")
    }

    static func saveForEver(_ arguments: [String]) async throws {
        let dimension = 32
        let entries = try number(arguments[2])
        let index = try VectorIndex(configuration(dimension: dimension, method: "exact"))
        var random = SystemRandomNumberGenerator()
        for sequence in 1...Int64.max {
            // Every entry of a save has its sequence as partition: a file that mixes two saves would show.
            let those = (0..<entries).map { id in
                VectorIndex.Entry(
                    id: Int64(id), partition: sequence,
                    vector: (0..<dimension).map { _ in Float.random(in: -1...1, using: &random) })
            }
            try index.apply(upserts: those, sequence: sequence)
            try await index.save(to: arguments[1])
            print(sequence)
            fflush(nil)
            if sequence % 10 == 0 { try await index.rebuild() }
        }
    }
}

struct Misuse: Error {
    let arguments: [String]

    init(_ arguments: [String]) {
        self.arguments = arguments
    }
}

func number(_ text: String) throws -> Int {
    guard let value = Int(text) else { throw Misuse([text]) }
    return value
}

func seconds(_ duration: Duration) -> Double {
    Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
}

/// Bytes of this process in memory.
func residentBytes() -> Int {
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * 4096
}

/// A file of float32, row after row.
struct Floats {
    let handle: FileHandle
    let dimension: Int

    init(_ path: String, dimension: Int) throws {
        self.handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        self.dimension = dimension
    }

    /// The next rows.
    func rows(_ count: Int) throws -> [[Float]] {
        guard let data = try self.handle.read(upToCount: count * self.dimension * 4),
            data.count == count * self.dimension * 4
        else { throw Misuse(["the file ends too early"]) }
        return data.withUnsafeBytes { bytes in
            let values = bytes.bindMemory(to: Float.self)
            return (0..<count).map { Array(values[$0 * self.dimension..<($0 + 1) * self.dimension]) }
        }
    }
}
