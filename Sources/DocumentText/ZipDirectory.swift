//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// The table of contents of a ZIP archive, read without unpacking anything (PKWARE APPNOTE.TXT 6.3.10, 4.3.12–4.3.16).
struct ZipDirectory {
    struct Entry {
        var name: String
        var packedBytes: Int
        var unpackedBytes: Int
        var isEncrypted: Bool
    }

    private(set) var entries: [Entry] = []
    /// The content of a first file named `mimetype` that is not compressed, as EPUB and OpenDocument have it.
    private(set) var mimeType: String?

    init(_ file: FileBytes) throws(DocumentError) {
        let (start, length, count) = try Self.place(in: file)
        guard count <= DocumentTextLimits.zipEntries, length <= DocumentTextLimits.zipDirectoryBytes else {
            throw DocumentError(.tooLarge, "It is a packed file with too many files in it.")
        }
        let bytes = try file.read(at: start, count: length)
        var offset = 0
        for _ in 0..<count {
            guard let (entry, size) = Self.entry(bytes, at: offset) else { throw Self.damaged }
            self.entries.append(entry)
            offset += size
        }
        self.mimeType = try Self.mimeType(in: file)
    }

    static let damaged = DocumentError(.malformed, "It is a packed file that is damaged or incomplete.")

    func contains(_ name: String) -> Bool {
        self.entries.contains { $0.name == name }
    }

    /// Refuses archives that grow beyond reason. The sizes are the archive's own claim: one that lies meets the limits
    /// of the process that unpacks it.
    func checkSizes(_ limits: DocumentReader.Limits) throws(DocumentError) {
        var text = 0
        var total = 0
        for entry in self.entries {
            guard !entry.isEncrypted else { throw DocumentError(.locked, "It is protected with a password.") }
            // A claim beyond the limit counts as just beyond it, so that no number of claims makes a sum overflow.
            let bytes = min(entry.unpackedBytes, DocumentTextLimits.unpackedTotalBytes + 1)
            total += bytes
            if !Self.isPicture(entry.name) { text += bytes }
            let bound = max(entry.packedBytes, 1) * DocumentTextLimits.unpackedRatio
            guard entry.unpackedBytes <= DocumentTextLimits.unpackedRatioFromBytes || entry.unpackedBytes <= bound
            else {
                throw DocumentError(
                    .tooLarge, "It is packed so tightly that it would grow beyond reason when opened (a “zip bomb”).")
            }
        }
        guard text <= limits.unpackedBytes, total <= DocumentTextLimits.unpackedTotalBytes else {
            throw DocumentError(
                .tooLarge, "Unpacked it is larger than \(limits.unpackedBytes >> 20) MB of text. Split it into parts.")
        }
    }

    private static func isPicture(_ name: String) -> Bool {
        [
            ".png", ".jpg", ".jpeg", ".gif", ".emf", ".wmf", ".tif", ".tiff", ".bmp", ".webp", ".ttf", ".otf", ".woff",
            ".woff2", ".mp3", ".mp4", ".bin", ".odttf",
        ].contains { name.lowercased().hasSuffix($0) }
    }

    /// Where the central directory is, from the record at the archive's end, which a comment of up to 64 KiB may
    /// follow.
    private static func place(in file: FileBytes) throws(DocumentError) -> (start: Int, length: Int, count: Int) {
        let tailStart = max(0, file.count - 65_557)
        let tail = try file.read(at: tailStart, count: file.count - tailStart)
        var index = tail.count - 22
        while index >= 0, tail.little32(index) != 0x0605_4B50 { index -= 1 }
        guard index >= 0 else { throw self.damaged }
        var count = tail.little16(index + 10)
        var length = tail.little32(index + 12)
        var start = tail.little32(index + 16)
        if count == 0xFFFF || length == 0xFFFF_FFFF || start == 0xFFFF_FFFF {
            // ZIP64: a locator before the record names the larger record.
            guard index >= 20, tail.little32(index - 20) == 0x0706_4B50,
                let place = tail.little64(index - 12), place <= file.count - 56
            else { throw self.damaged }
            let record = try file.read(at: place, count: 56)
            guard record.count == 56, record.little32(0) == 0x0606_4B50, let wideCount = record.little64(32),
                let wideLength = record.little64(40), let wideStart = record.little64(48)
            else { throw self.damaged }
            (count, length, start) = (wideCount, wideLength, wideStart)
        }
        guard start <= file.count, length <= file.count - start else { throw self.damaged }
        return (start, length, count)
    }

    private static func entry(_ bytes: [UInt8], at offset: Int) -> (Entry, size: Int)? {
        guard offset + 46 <= bytes.count, bytes.little32(offset) == 0x0201_4B50 else { return nil }
        let nameLength = bytes.little16(offset + 28)
        let extraLength = bytes.little16(offset + 30)
        let size = 46 + nameLength + extraLength + bytes.little16(offset + 32)
        guard offset + size <= bytes.count else { return nil }
        var packed = bytes.little32(offset + 20)
        var unpacked = bytes.little32(offset + 24)
        if packed == 0xFFFF_FFFF || unpacked == 0xFFFF_FFFF {
            // In ZIP64 the extra field 1 holds those sizes that do not fit, in this order.
            var place = offset + 46 + nameLength
            let end = place + extraLength
            while place + 4 <= end, bytes.little16(place) != 1 { place += 4 + bytes.little16(place + 2) }
            place += 4
            if unpacked == 0xFFFF_FFFF {
                guard place + 8 <= end, let wide = bytes.little64(place) else { return nil }
                unpacked = wide
                place += 8
            }
            if packed == 0xFFFF_FFFF {
                guard place + 8 <= end, let wide = bytes.little64(place) else { return nil }
                packed = wide
            }
        }
        let name = bytes[(offset + 46)..<(offset + 46 + nameLength)]
        return (
            Entry(
                name: String(decoding: name, as: UTF8.self), packedBytes: packed, unpackedBytes: unpacked,
                isEncrypted: bytes.little16(offset + 8) & 1 != 0), size
        )
    }

    private static func mimeType(in file: FileBytes) throws(DocumentError) -> String? {
        let head = try file.read(at: 0, count: 38 + 128)
        guard head.count > 38, head.little16(8) == 0, head.little16(26) == 8,
            head[30..<38].elementsEqual("mimetype".utf8)
        else { return nil }
        let start = 38 + head.little16(28)
        let end = start + head.little32(18)
        guard start < end, end <= head.count else { return nil }
        return String(decoding: head[start..<end], as: UTF8.self)
    }
}

extension [UInt8] {
    /// Little-endian numbers; zero beyond the end.
    func little16(_ index: Int) -> Int {
        index + 2 <= self.count ? Int(self[index]) | Int(self[index + 1]) << 8 : 0
    }

    func little32(_ index: Int) -> Int {
        self.little16(index) | self.little16(index + 2) << 16
    }

    /// Nil when it is no size that a file can have.
    func little64(_ index: Int) -> Int? {
        let high = self.little32(index + 4)
        return high < 1 << 20 ? self.little32(index) | high << 32 : nil
    }
}
