//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// What libFuzzer calls: the validator of WebSocket text agrees with the standard library's, however the text is cut.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    let expected = String(validating: bytes, as: UTF8.self) != nil
    precondition(isValid([bytes]) == expected)
    precondition(isValid(bytes.map { [$0] }) == expected, "read differently byte by byte")
    return 0
}

private func isValid(_ pieces: [[UInt8]]) -> Bool {
    var validator = UTF8Validator()
    for piece in pieces {
        guard piece.withUnsafeBytes({ validator.append($0) }) else { return false }
    }
    return validator.isComplete
}
