//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import MultipartParser
import NIOCore
import SeededRandom
import Testing

@Suite("Whatever bytes come")
struct MultipartFuzzTests {
    /// The parts, or why the body is refused.
    private func outcome(_ pieces: [[UInt8]]) -> Result<[WholePart], MultipartError> {
        do {
            return .success(try read(pieces, boundary: "bc"))
        } catch let error as MultipartError {
            return .failure(error)
        } catch {
            Issue.record("events out of order: \(error)")
            return .success([])
        }
    }

    @Test("a mutated body is read the same however it is cut", arguments: 0..<40)
    func mutated(_ seed: Int) {
        var random = SeededGenerator(seed: seed)
        let form =
            "--bc\r\nContent-Disposition: form-data; name=\"a\"; filename=\"x.txt\"\r\nContent-Type: text/plain\r\n\r\n"
            + "data\r\n-\r\n--b\r\n\r\n--bc\r\nContent-Disposition: form-data; name=b\r\n\r\n\r\n--bc--\r\n"
        let tokens = [
            "\r\n", "\r", "\n", "--", "--bc", "\r\n--bc", "\r\n--bc--", ":", ";", "\"", "\\", "%22", "\0", "é",
        ]
        for _ in 0..<100 {
            var bytes = Array(form.utf8)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: place)
                case 2: bytes.insert(contentsOf: tokens.randomElement(using: &random)?.utf8 ?? "".utf8, at: place)
                default: bytes.removeSubrange(place..<min(bytes.count, place + 20))
                }
                if bytes.isEmpty { bytes = [0] }
            }
            let whole = self.outcome([bytes])
            #expect(self.outcome(bytes.map { [$0] }) == whole)
            let cuts = (0..<5).map { _ in Int.random(in: 0...bytes.count, using: &random) }.sorted()
            let pieces = zip([0] + cuts, cuts + [bytes.count]).map { Array(bytes[$0..<$1]) }
            #expect(self.outcome(pieces) == whole)
        }
    }

    @Test("random data comes out as it went in", arguments: 0..<20)
    func roundTrip(_ seed: Int) throws {
        var random = SeededGenerator(seed: 1000 + seed)
        let alphabet = Array("\r\n--bcx".utf8)
        let parts = (0..<3).map { _ in
            (0..<Int.random(in: 0...300, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? 0 }
        }
        // Data that holds the delimiter is not a part's data.
        let delimiter = Array("\r\n--bc".utf8)
        guard !parts.contains(where: { ([0x0D, 0x0A] + $0).contains(delimiter) }) else { return }
        var bytes: [UInt8] = []
        for part in parts {
            bytes += Array("--bc\r\nContent-Disposition: form-data; name=a\r\n\r\n".utf8) + part + [0x0D, 0x0A]
        }
        bytes += Array("--bc--".utf8)
        #expect(try read([bytes], boundary: "bc").map(\.data) == parts)
        #expect(try read(bytes.map { [$0] }, boundary: "bc").map(\.data) == parts)
    }
}
