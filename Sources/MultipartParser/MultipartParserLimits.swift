//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// The defaults of ``MultipartParser/Limits``. Each has its unit in its name.
public enum MultipartParserLimits {
    /// The parts of a body.
    public static let parts = 64
    /// The header lines of one part.
    public static let headersPerPart = 16
    /// All header lines of one part with their line ends, in bytes.
    public static let headerBytesPerPart = 8 * 1024
    /// The name of a field, in bytes of UTF-8.
    public static let nameBytes = 256
    /// The name of a file, in bytes of UTF-8; a longer one is shortened and keeps its ending.
    public static let filenameBytes = 255
    /// What stands before the first boundary, in bytes; as much may stand after the last.
    public static let preambleBytes = 1024
    /// Spaces and tabs after a boundary on its line, in bytes.
    public static let paddingBytes = 64
    /// A boundary, in bytes (RFC 2046, 5.1.1).
    public static let boundaryBytes = 70
    /// The value of `Content-Type` from which the boundary is read, in bytes.
    public static let contentTypeBytes = 1024
    /// A whole body, in bytes.
    public static let totalBytes = 1024 * 1024 * 1024
}
