//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import CFaiss
import Foundation
import SeededRandom
import Testing
import VectorIndex

@Suite("The file of an index", .timeLimit(.minutes(1)))
final class FileTests {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("vectors-\(UUID().uuidString)")
    var path: String { self.folder.appendingPathComponent("index").path }

    init() throws {
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: self.folder)
    }

    func saved(
        _ configuration: VectorIndex.Configuration, entries: Int = 700, lists: Bool = true
    ) async throws -> VectorIndex {
        let index = try VectorIndex(configuration)
        var random = SeededGenerator(seed: 21)
        let dimension = configuration.dimension
        func some(_ range: Range<Int>) -> [VectorIndex.Entry] {
            range.map { .init(id: Int64($0), partition: Int64($0 % 7), vector: random.vector(dimension, topics: 20)) }
        }
        try index.apply(upserts: some(0..<entries), sequence: 1)
        if lists { try await index.rebuild() }
        try index.apply(upserts: some(entries..<entries + 30), removals: [3, 4, 5, 17], sequence: 42)
        try index.apply(upserts: [], removals: [Int64(entries)], sequence: 43)
        try await index.save(to: self.path)
        return index
    }

    func bytes() throws -> Data { try Data(contentsOf: URL(fileURLWithPath: self.path)) }

    func write(_ bytes: Data) throws { try bytes.write(to: URL(fileURLWithPath: self.path)) }

    func code(_ configuration: VectorIndex.Configuration) async -> VectorIndexError.Code? {
        do throws(VectorIndexError) {
            _ = try await VectorIndex.load(from: self.path, configuration: configuration)
            return nil
        } catch {
            return error.code
        }
    }

    @Test(
        "gives back what was saved, without the dead",
        arguments: [VectorIndex.Storage.float32, .int8], [true, false])
    func roundTrip(storage: VectorIndex.Storage, lists: Bool) async throws {
        let configuration = VectorIndex.Configuration.small(dimension: 20, storage: storage)
        let index = try await self.saved(configuration, lists: lists)
        let loaded = try await VectorIndex.load(from: self.path, configuration: configuration)
        #expect(loaded.status.entries == index.status.entries && loaded.status.entries == 725)
        #expect(loaded.status.dead == 0)
        #expect(loaded.status.sequence == 43)
        #expect(loaded.status.method == index.status.method)
        #expect(loaded.status.storage == (lists ? storage : .float32))
        var random = SeededGenerator(seed: 22)
        for filter in [.all, .partitions([1, 2]), .partitions([6])] as [VectorIndex.Filter] {
            let query = random.vector(20, topics: 20)
            #expect(
                try loaded.search(query, limit: 50, filter: filter) == index.search(query, limit: 50, filter: filter))
        }
        // It goes on from there.
        try loaded.apply(upserts: [.init(id: 3, partition: 1, vector: random.vector(20))], sequence: 44)
        try await loaded.rebuild()
        try await loaded.save(to: self.path)
        let again = try await VectorIndex.load(from: self.path, configuration: configuration)
        #expect(again.status.entries == 726 && again.status.rebuilds == (lists ? 2 : 1))
    }

    @Test("an empty index can be kept as well")
    func empty() async throws {
        let index = try VectorIndex(.small())
        try index.apply(upserts: [], sequence: 5)
        try await index.save(to: self.path)
        let loaded = try await VectorIndex.load(from: self.path, configuration: .small())
        #expect(loaded.status == index.status)
    }

    @Test("has the header that its description promises, and the folder holds nothing else")
    func header() async throws {
        _ = try await self.saved(.small(dimension: 20))
        let bytes = try self.bytes()
        func number<Number: FixedWidthInteger>(_ at: Int, as: Number.Type) -> Number {
            bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: at, as: Number.self) }
        }
        func checksum(_ part: Data) -> UInt64 {
            part.withUnsafeBytes { vector_index_checksum($0.baseAddress, $0.count) }
        }
        #expect(Array(bytes.prefix(8)) == [0x89, 0x56, 0x49, 0x58, 0x0D, 0x0A, 0x1A, 0x0A])
        #expect(number(8, as: UInt32.self) == 1 && number(12, as: UInt32.self) == 512)
        #expect(number(16, as: UInt64.self) == UInt64(bytes.count))
        #expect(number(24, as: UInt64.self) == checksum(bytes.dropFirst(512)))
        #expect(number(32, as: Int64.self) == 1 && number(40, as: Int64.self) == 43)
        #expect(number(48, as: UInt64.self) == 696 && number(56, as: UInt64.self) == 29)
        #expect(number(64, as: UInt32.self) == 20 && number(68, as: UInt32.self) == 32)
        #expect(number(72, as: UInt32.self) == 1 && number(76, as: UInt32.self) == 0)
        #expect(number(104, as: UInt32.self) == 7)
        #expect(String(decoding: bytes[112..<119], as: UTF8.self) == "a-model")
        #expect(number(504, as: UInt64.self) == checksum(bytes.prefix(504)))
        #expect(try FileManager.default.contentsOfDirectory(atPath: self.folder.path) == ["index"])
    }

    @Test("its checksum is XXH64")
    func checksum() {
        func sum(_ text: String) -> UInt64 {
            Array(text.utf8).withUnsafeBytes { vector_index_checksum($0.baseAddress, $0.count) }
        }
        // From the reference implementation (python-xxhash): xxhash.xxh64(text).hexdigest().
        #expect(sum("") == 0xEF46_DB37_51D8_E999)
        #expect(sum("abc") == 0x44BC_2CF5_AD77_0999)
        #expect(sum("Nobody inspects the spammish repetition") == 0xFBCE_A83C_8A37_8BF1)
    }

    @Test("damaged at any byte of its header, or anywhere in its body, is refused")
    func damaged() async throws {
        let configuration = VectorIndex.Configuration.small(dimension: 8, storage: .int8)
        _ = try await self.saved(configuration)
        let whole = try self.bytes()
        var random = SeededGenerator(seed: 23)
        let body = (0..<300).map { _ in Int.random(in: 512..<whole.count, using: &random) }
        for place in Array(0..<512) + body {
            var bytes = whole
            bytes[place] ^= UInt8(1) << UInt8.random(in: 0...7, using: &random)
            try self.write(bytes)
            let code = await self.code(configuration)
            let expected: VectorIndexError.Code =
                switch place {
                case 0..<8: .foreignFile
                case 8..<12: .otherVersion
                default: .damagedFile
                }
            #expect(code == expected, "byte \(place)")
        }
        try self.write(whole)
        #expect(await self.code(configuration) == nil)
    }

    @Test("cut or continued anywhere it is refused")
    func truncated() async throws {
        let configuration = VectorIndex.Configuration.small(dimension: 8)
        _ = try await self.saved(configuration)
        let whole = try self.bytes()
        var random = SeededGenerator(seed: 24)
        for count in [8, 9, 511, 512, 513, whole.count - 1]
            + (0..<50).map({ _ in Int.random(in: 8..<whole.count, using: &random) })
        {
            try self.write(whole.prefix(count))
            #expect(await self.code(configuration) == .damagedFile, "\(count) bytes")
        }
        try self.write(whole + [0])
        #expect(await self.code(configuration) == .damagedFile)
        for foreign in [Data(), Data([0x89]), Data("IxFI, a file of FAISS itself".utf8), Data(count: 4096)] {
            try self.write(foreign)
            #expect(await self.code(configuration) == .foreignFile)
        }
    }

    @Test("a header that lies with a right checksum is refused as well")
    func lies() async throws {
        let configuration = VectorIndex.Configuration.small(dimension: 8)
        _ = try await self.saved(configuration)
        let whole = try self.bytes()
        for (place, value) in [
            (16, 1), (48, 1_000_000), (48, UInt64.max), (56, UInt64.max / 2), (48, 15_999_999),
        ] as [(Int, UInt64)] {
            var bytes = whole
            withUnsafeBytes(of: value.littleEndian) { bytes.replaceSubrange(place..<place + 8, with: $0) }
            let sum = bytes.prefix(504).withUnsafeBytes { vector_index_checksum($0.baseAddress, $0.count) }
            withUnsafeBytes(of: sum.littleEndian) { bytes.replaceSubrange(504..<512, with: $0) }
            try self.write(bytes)
            #expect(await self.code(configuration) == .damagedFile)
        }
    }

    @Test("of another model, dimension or generation is refused and says which")
    func otherGeneration() async throws {
        let configuration = VectorIndex.Configuration.small(dimension: 20)
        _ = try await self.saved(configuration)
        var others = [configuration, configuration, configuration]
        others[0].model = "another-model"
        others[1].dimension = 21
        others[2].generation = 2
        for other in others { #expect(await self.code(other) == .otherGeneration) }
        do {
            _ = try await VectorIndex.load(from: self.path, configuration: others[0])
        } catch {
            #expect(
                error.message.hasSuffix(
                    "holds vectors of a-model with 20 dimensions, generation 1, "
                        + "not of another-model with 20 dimensions, generation 1"))
            #expect(error.callsForRebuild)
        }
        var small = configuration
        small.maximumBytes = 1000
        #expect(await self.code(small) == .full)
    }

    @Test("that is missing, a folder, or in no folder is told apart; a failed save leaves the old file")
    func paths() async throws {
        #expect(await self.code(.small()) == .noFile)
        let index = try await self.saved(.small())
        let before = try self.bytes()
        // A folder stands where the new file would be written.
        try FileManager.default.createDirectory(atPath: self.path + ".partial", withIntermediateDirectories: false)
        await #expect { try await index.save(to: self.path) } throws: {
            ($0 as? VectorIndexError)?.code == .inputOutput
        }
        #expect(try self.bytes() == before)
        await #expect { try await index.save(to: self.path + "/below/index") } throws: {
            ($0 as? VectorIndexError)?.code == .inputOutput
        }
        try FileManager.default.removeItem(atPath: self.path)
        try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: false)
        #expect(await self.code(.small()) == .foreignFile)
    }
}
