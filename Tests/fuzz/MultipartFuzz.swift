//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore

/// What libFuzzer calls. Compiled together with the parser's sources by `scripts/fuzz`.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    let whole = outcome([bytes])
    precondition(outcome(bytes.map { [$0] }) == whole, "read differently in pieces")
    if let parts = whole {
        precondition(parts.count <= MultipartParserLimits.parts)
        precondition(parts.allSatisfy { !($0.name.filename?.contains("/") ?? false) })
    }
    return 0
}

private struct ReadPart: Equatable {
    var name: MultipartPart
    var data: [UInt8] = []
}

/// The parts; nil when the body is refused.
private func outcome(_ pieces: [[UInt8]]) -> [ReadPart]? {
    do {
        var parser = MultipartParser(boundary: try MultipartBoundary(contentType: "multipart/form-data; boundary=b"))
        var parts: [ReadPart] = []
        for piece in pieces {
            for event in try parser.consume(ByteBuffer(bytes: piece)) {
                switch event {
                case .partBegan(let part): parts.append(ReadPart(name: part))
                case .partData(let data): parts[parts.count - 1].data += data.readableBytesView
                case .partEnded, .ended: break
                }
            }
        }
        try parser.finish()
        return parts
    } catch {
        return nil
    }
}
