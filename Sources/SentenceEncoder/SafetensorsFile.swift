//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation

/// A file of tensors: https://huggingface.co/docs/safetensors/index#format
///
/// Eight bytes, the header's length N (little-endian); N bytes of JSON, which begin with `{` and may end in spaces; the
/// tensors' bytes. The header gives for each name `{"dtype", "shape", "data_offsets": [begin, end]}`, counted from the
/// end of the header, and may have `__metadata__`. Tensors leave no holes, do not overlap, and end with the file.
struct SafetensorsFile: Sendable {
    struct Tensor: Hashable, Sendable {
        var type: String
        var shape: [Int]
        /// Counted from the beginning of the file.
        var bytes: Range<Int>
    }

    private static let sizes = [
        "F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2, "I8": 1,
        "U8": 1, "BOOL": 1,
    ]

    let tensors: [String: Tensor]

    /// Reads the header and checks every number in it.
    ///
    /// - Throws: `.damaged`, with what is wrong.
    init(_ file: UnsafeRawBufferPointer) throws(SentenceEncoderError) {
        guard file.count > 8 else { throw Self.damaged("it has no header") }
        let length = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
        guard length >= 2, length <= UInt64(EncoderLimits.headerBytes), Int(length) <= file.count - 8 else {
            throw Self.damaged("its header would have \(length) bytes")
        }
        let start = 8 + Int(length)
        let header = file[8..<start]
        guard header.first == UInt8(ascii: "{") else { throw Self.damaged("its header is not JSON") }
        let entries: Header
        do {
            entries = try JSONDecoder().decode(Header.self, from: Data(header))
        } catch {
            throw Self.damaged("its header is not as it should be")
        }
        guard entries.tensors.count <= EncoderLimits.tensors else { throw Self.damaged("it has too many tensors") }
        var tensors: [String: Tensor] = [:]
        for (name, entry) in entries.tensors {
            tensors[name] = try Self.tensor(name, entry, start: start, end: file.count)
        }
        var position = start
        for tensor in tensors.values.sorted(by: {
            ($0.bytes.lowerBound, $0.bytes.upperBound) < ($1.bytes.lowerBound, $1.bytes.upperBound)
        }) {
            guard tensor.bytes.lowerBound == position else { throw Self.damaged("its tensors overlap or leave a hole") }
            position = tensor.bytes.upperBound
        }
        guard position == file.count else {
            throw Self.damaged("it has \(file.count) bytes where \(position) are told of")
        }
        self.tensors = tensors
    }

    private static func tensor(
        _ name: String, _ entry: Header.Entry, start: Int, end: Int
    ) throws(SentenceEncoderError) -> Tensor {
        guard let size = Self.sizes[entry.dtype] else { throw Self.damaged("\(name) is of no known type") }
        guard entry.dataOffsets.count == 2, let first = entry.dataOffsets.first, let last = entry.dataOffsets.last,
            first >= 0, first <= last, last <= end - start
        else { throw Self.damaged("\(name) lies outside the file") }
        var count = size
        for dimension in entry.shape {
            let (product, overflows) = count.multipliedReportingOverflow(by: dimension)
            guard dimension >= 0, !overflows else { throw Self.damaged("\(name) has no possible shape") }
            count = product
        }
        guard count == last - first else {
            throw Self.damaged("\(name) has \(last - first) bytes; its shape needs \(count)")
        }
        return Tensor(type: entry.dtype, shape: entry.shape, bytes: start + first..<start + last)
    }

    private static func damaged(_ what: String) -> SentenceEncoderError {
        SentenceEncoderError(.damaged, "the file of weights is damaged: \(what)")
    }

    /// The header as JSON.
    private struct Header: Decodable {
        struct Entry: Decodable {
            var dtype: String
            var shape: [Int]
            var dataOffsets: [Int]

            enum CodingKeys: String, CodingKey {
                case dtype
                case shape
                case dataOffsets = "data_offsets"
            }
        }

        struct Name: CodingKey {
            var stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        var tensors: [String: Entry] = [:]

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Name.self)
            for key in container.allKeys where key.stringValue != "__metadata__" {
                self.tensors[key.stringValue] = try container.decode(Entry.self, forKey: key)
            }
        }
    }
}
