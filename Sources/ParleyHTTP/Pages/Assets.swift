//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import NIOFoundationCompat
import OpenSSLCrypto

/// Files that are served as they are: our own, read at start, and the browser libraries that set-up fetched.
///
/// Only files that were there at start are served, by their exact names, so no path of a request ever reaches the
/// file system.
struct Assets: Sendable {
    private struct File: Sendable {
        var body: ByteBuffer
        var type: String
        var tag: String
    }

    private static let types = [
        "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml",
        "png": "image/png", "ico": "image/x-icon", "woff2": "font/woff2", "woff": "font/woff", "ttf": "font/ttf",
        "json": "application/json", "webmanifest": "application/manifest+json",
        "mjs": "text/javascript; charset=utf-8", "txt": "text/plain; charset=utf-8",
    ]

    private let files: [String: File]
    /// A word that changes when any file does.
    let version: String

    /// Reads every file below a folder whose kind is known. A missing folder gives no files.
    ///
    /// - Parameter limitBytes: files above it are left out.
    init(folder: String?, limitBytes: Int = 2 * 1024 * 1024) {
        var files: [String: File] = [:]
        let root = folder.map { URL(fileURLWithPath: $0).standardizedFileURL }
        let paths = root.flatMap { FileManager.default.enumerator(at: $0, includingPropertiesForKeys: nil) }
        while let url = paths?.nextObject() as? URL {
            guard let root, let type = Self.types[url.pathExtension],
                let data = try? Data(contentsOf: url), data.count <= limitBytes
            else { continue }
            let name = String(url.standardizedFileURL.path.dropFirst(root.path.count + 1))
            let digest = sha256(data).prefix(9)
            let tag = "\"" + Data(digest).base64EncodedString() + "\""
            files[name] = File(body: ByteBuffer(data: data), type: type, tag: tag)
        }
        self.files = files
        let all = files.sorted { $0.key < $1.key }.map { $0.key + $0.value.tag }.joined()
        self.version = sha256(all).prefix(6).map { String($0, radix: 16) }.joined()
    }

    var names: [String] {
        self.files.keys.sorted()
    }

    /// The file, or 304 when the browser has it.
    ///
    /// - Throws: a 404 `Problem`.
    func response(for name: String, request: Request) throws -> Response {
        guard let file = self.files[name] else { throw Problem.notFound }
        let isVersioned = request.query("v") == self.version
        let headers: HTTPFields = [
            .contentType: file.type, .eTag: file.tag,
            .cacheControl: isVersioned ? "public, max-age=31536000, immutable" : "no-cache",
        ]
        if request.headers[.ifNoneMatch]?.contains(file.tag) == true {
            return Response(status: .notModified, headers: headers)
        }
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: file.body))
    }
}
