//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import MultipartParser
import NIOCore

/// A part with all its data.
struct WholePart: Hashable {
    var part: MultipartPart
    var data: [UInt8]

    var text: String { String(decoding: self.data, as: UTF8.self) }
}

/// Reads a body that comes in these pieces, and checks that the events come in an order that makes sense.
func read(
    _ pieces: [[UInt8]], boundary: String = "b", limits: MultipartParser.Limits = .init()
) throws -> [WholePart] {
    var parser = MultipartParser(
        boundary: try MultipartBoundary(contentType: "multipart/form-data; boundary=\"\(boundary)\""), limits: limits)
    var whole: [WholePart] = []
    var isOpen = false
    var hasEnded = false
    for piece in pieces {
        for event in try parser.consume(ByteBuffer(bytes: piece)) {
            if hasEnded { throw UnexpectedOrder() }
            switch event {
            case .partBegan(let part):
                if isOpen { throw UnexpectedOrder() }
                isOpen = true
                whole.append(WholePart(part: part, data: []))
            case .partData(let data):
                if !isOpen || data.readableBytes == 0 { throw UnexpectedOrder() }
                whole[whole.count - 1].data += data.readableBytesView
            case .partEnded:
                if !isOpen { throw UnexpectedOrder() }
                isOpen = false
            case .ended:
                if isOpen { throw UnexpectedOrder() }
                hasEnded = true
            }
        }
    }
    try parser.finish()
    if !hasEnded { throw UnexpectedOrder() }
    return whole
}

struct UnexpectedOrder: Error {}

func read(_ body: String, boundary: String = "b", limits: MultipartParser.Limits = .init()) throws -> [WholePart] {
    try read([Array(body.utf8)], boundary: boundary, limits: limits)
}

/// One part with these header lines, joined as HTTP joins them.
func body(_ headers: String..., data: String = "x", boundary: String = "b") -> String {
    "--\(boundary)\r\n" + headers.map { $0 + "\r\n" }.joined() + "\r\n\(data)\r\n--\(boundary)--\r\n"
}

/// What a body is refused with; nil when it is taken.
func refusal(of body: String, boundary: String = "b", limits: MultipartParser.Limits = .init()) -> MultipartError.Code?
{
    do {
        _ = try read(body, boundary: boundary, limits: limits)
        return nil
    } catch {
        return (error as? MultipartError)?.code
    }
}
