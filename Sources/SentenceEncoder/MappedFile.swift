//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import CSentenceEncoder
import Foundation

/// A file mapped into memory, read-only, for as long as this object lives.
///
/// The file must not be shortened meanwhile; who replaces it renames a new one over it.
final class MappedFile: Sendable {
    /// Never written to, and valid until `deinit`, so any thread may read it.
    nonisolated(unsafe) let bytes: UnsafeRawBufferPointer

    init(path: String) throws(SentenceEncoderError) {
        var count = 0
        guard let start = pse_map(path, &count) else {
            let reason = String(cString: strerror(errno))
            throw SentenceEncoderError(.missing, "\(path) cannot be read: \(reason)")
        }
        self.bytes = UnsafeRawBufferPointer(start: start, count: count)
    }

    deinit {
        pse_unmap(self.bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), self.bytes.count)
    }
}
