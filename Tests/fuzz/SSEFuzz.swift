//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// What libFuzzer calls: a stream of server-sent events gives the same whole, byte by byte and cut in two anywhere, and
/// as much as the plainest reading of the standard gives.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    let whole = events([bytes])
    precondition(events(bytes.map { [$0] }) == whole, "read differently byte by byte")
    let cut = count == 0 ? 0 : Int(bytes[0]) % (count + 1)
    precondition(events([Array(bytes[..<cut]), Array(bytes[cut...])]) == whole, "read differently in two pieces")
    if whole.failure == nil {
        precondition(whole.events == reference(bytes), "read differently from the standard's words")
    }
    return 0
}

/// The HTML standard, section 9.2.6, word by word.
private func reference(_ bytes: [UInt8]) -> [SSEEvent] {
    var lines: [[UInt8]] = [[]]
    let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
    for (index, byte) in text.enumerated() {
        switch byte {
        case 0x0A where index > 0 && text[index - 1] == 0x0D: break
        case 0x0A, 0x0D: lines.append([])
        default: lines[lines.count - 1].append(byte)
        }
    }
    // Where the standard drops an event without its blank line, this parser gives it.
    lines.append([])
    var events: [SSEEvent] = []
    var (name, id, data) = ("", "", [[UInt8]]())
    for line in lines {
        guard !line.isEmpty else {
            if !data.isEmpty {
                events.append(SSEEvent(name: name, data: Array(data.joined(separator: [0x0A])), id: id))
            }
            (name, data) = ("", [])
            continue
        }
        let field = line.prefix { $0 != 0x3A }
        var value = line.dropFirst(field.count + 1)
        if value.first == 0x20 { value.removeFirst() }
        switch String(decoding: field, as: UTF8.self) {
        case "data": data.append(Array(value))
        case "event": name = String(decoding: value, as: UTF8.self)
        case "id" where !value.contains(0): id = String(decoding: value, as: UTF8.self)
        default: break
        }
    }
    return events
}

private struct Outcome: Equatable {
    var events: [SSEEvent] = []
    var failure: SSEParser.Failure?
}

private func events(_ pieces: [[UInt8]]) -> Outcome {
    var parser = SSEParser(limits: .init(lineBytes: 64, eventBytes: 128))
    var outcome = Outcome()
    do throws(SSEParser.Failure) {
        for piece in pieces { outcome.events += try parser.feed(piece) }
        // A failure behind the last whole event is told by the next call.
        outcome.events += try parser.feed([])
        if let last = try parser.finish() { outcome.events.append(last) }
    } catch {
        outcome.failure = error
    }
    return outcome
}
