//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// The limits of reading documents. Each has its unit in its name; the first ones are the defaults of
/// ``DocumentReader/Limits``.
public enum DocumentTextLimits {
    /// A file that is read as it is: text, Markdown, HTML, CSV, JSON, source code; in bytes.
    public static let nativeBytes = 512 * 1024 * 1024
    /// The text of one document, in Unicode scalars: rows that repeat their columns' names may outgrow the file.
    public static let textScalars = 512 * 1024 * 1024
    /// A file that another program converts, in bytes.
    public static let convertedBytes = 128 * 1024 * 1024
    /// What a conversion may give, in bytes.
    public static let outputBytes = 256 * 1024 * 1024
    /// The memory of a converting program, in bytes.
    public static let toolMemoryBytes = 1024 * 1024 * 1024
    /// The processor time of a converting program.
    public static let toolProcessorTime = Duration.seconds(120)
    /// The time that a converting program may take by the clock.
    public static let toolTime = Duration.seconds(240)
    /// What is kept of a program's complaints, in bytes.
    public static let toolErrorBytes = 4096
    /// Files in a packed document.
    public static let zipEntries = 10_000
    /// The table of contents of a packed document, in bytes.
    public static let zipDirectoryBytes = 4 * 1024 * 1024
    /// A packed document unpacked without its pictures, in bytes: the converter holds it in memory many times over.
    public static let unpackedBytes = 64 * 1024 * 1024
    /// A packed document with its pictures, unpacked, in bytes.
    public static let unpackedTotalBytes = 1024 * 1024 * 1024
    /// A file in a packed document larger than ``unpackedRatioFromBytes`` may be this many times its packed size.
    public static let unpackedRatio = 200
    /// Smaller files may be packed as well as they like, in bytes.
    public static let unpackedRatioFromBytes = 8 * 1024 * 1024
    /// A longer block is cut, in bytes of UTF-8.
    public static let blockBytes = 16 * 1024
    /// What is read of a file at once, in bytes.
    public static let pieceBytes = 64 * 1024
    /// The beginning of a file by which its type is told, in bytes.
    public static let headBytes = 64 * 1024
    /// Containers within each other in JSON.
    public static let jsonDepth = 256
    /// A path such as `users[3].name` is shortened at its front beyond this, in bytes.
    public static let jsonPathBytes = 256
    /// The columns of a table of which the names are repeated in each row.
    public static let namedColumns = 256
    /// A tag of HTML with its attributes, in bytes; the rest is dropped.
    public static let tagBytes = 16 * 1024
    /// A title, in characters.
    public static let titleCharacters = 300
}
