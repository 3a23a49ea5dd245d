//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import MultipartParser
import NIOCore
import Testing

@Suite struct ThroughputTests {
    @Test("throughput", arguments: [UInt8(0x61), 0x0D])
    func throughput(_ byte: UInt8) throws {
        var parser = MultipartParser(boundary: try MultipartBoundary(contentType: "multipart/form-data; boundary=b"))
        _ = try parser.consume(ByteBuffer(string: "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n"))
        let piece = ByteBuffer(repeating: byte, count: 65536)
        let start = ContinuousClock.now
        var count = 0
        while count < 200_000_000 {
            _ = try parser.consume(piece)
            count += 65536
            if ContinuousClock.now - start > .seconds(5) { break }
        }
        print("THROUGHPUT of", byte, Double(count) / 1e6 / ((ContinuousClock.now - start) / .seconds(1)), "MB/s")
    }
}
