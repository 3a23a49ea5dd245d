//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import CFaiss

/// Why an index refused something. Nothing changed when it did.
public struct VectorIndexError: Error, Equatable, CustomStringConvertible {
    /// The kinds of refusal.
    public enum Code: String, Sendable {
        /// An argument is out of its range: a dimension, a limit, a name.
        case invalidArgument
        /// A vector with a value that is not finite, or of length zero.
        case badVector
        /// The bound on entries or memory would be passed.
        case full
        /// The changes end below the change sequence that the index covers.
        case staleSequence
        /// Another rebuild is running.
        case rebuildRunning
        /// The rebuild was cancelled.
        case cancelled
        /// There is no file at that path.
        case noFile
        /// The file's bytes are not those that were written.
        case damagedFile
        /// The file has another version of the format.
        case otherVersion
        /// The file is not a vector index.
        case foreignFile
        /// The file holds another generation: its model, dimension or number differ.
        case otherGeneration
        /// The operating system refused to read or write.
        case inputOutput
        /// There is not enough memory.
        case outOfMemory
        /// A defect of the index or of FAISS.
        case defect
    }

    /// What kind of refusal this is.
    public let code: Code
    /// What happened, for a log: names files and numbers, never vectors.
    public let message: String

    /// An error as a caller of the index may want to make it.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { "\(self.code.rawValue): \(self.message)" }

    /// Whether a file with this error is of no use and shall be built anew.
    public var callsForRebuild: Bool {
        switch self.code {
        case .noFile, .damagedFile, .otherVersion, .foreignFile, .otherGeneration: true
        default: false
        }
    }
}

extension VectorIndexError.Code {
    /// The kind that the C interface names by a number.
    init(status: Int32) {
        switch vector_index_status(rawValue: UInt32(bitPattern: status)) {
        case VECTOR_INDEX_INVALID: self = .invalidArgument
        case VECTOR_INDEX_BAD_VECTOR: self = .badVector
        case VECTOR_INDEX_FULL: self = .full
        case VECTOR_INDEX_STALE: self = .staleSequence
        case VECTOR_INDEX_BUSY: self = .rebuildRunning
        case VECTOR_INDEX_CANCELLED: self = .cancelled
        case VECTOR_INDEX_NO_FILE: self = .noFile
        case VECTOR_INDEX_DAMAGED: self = .damagedFile
        case VECTOR_INDEX_OTHER_VERSION: self = .otherVersion
        case VECTOR_INDEX_FOREIGN: self = .foreignFile
        case VECTOR_INDEX_OTHER_GENERATION: self = .otherGeneration
        case VECTOR_INDEX_IO: self = .inputOutput
        case VECTOR_INDEX_NO_MEMORY: self = .outOfMemory
        default: self = .defect
        }
    }
}

/// Calls a function of the C interface and turns its status into an error.
func checked(_ call: (UnsafeMutablePointer<CChar>, Int) -> Int32) throws(VectorIndexError) {
    let capacity = 1024
    var text = [CChar](repeating: 0, count: capacity)
    let status = text.withUnsafeMutableBufferPointer { buffer in
        // The buffer has elements, so its address is there.
        buffer.baseAddress.map { call($0, capacity) } ?? Int32(VECTOR_INDEX_INTERNAL.rawValue)
    }
    guard status != Int32(VECTOR_INDEX_OK.rawValue) else { return }
    let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    throw VectorIndexError(.init(status: status), String(decoding: bytes, as: UTF8.self))
}
