//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import SeededRandom
import Testing

@testable import MultipartParser

@Suite("A form's body is read")
struct MultipartParserTests {
    /// As Chromium sends it, with a file whose bytes look like boundaries.
    static let browserBody =
        "------WebKitFormBoundaryABC\r\nContent-Disposition: form-data; name=\"collection\"\r\n\r\nHandbücher\r\n"
        + "------WebKitFormBoundaryABC\r\n"
        + "Content-Disposition: form-data; name=\"file\"; filename=\"a%22b.txt\"\r\nContent-Type: text/plain\r\n\r\n"
        + "one\r\n------WebKitFormBoundaryAB\r\n\r\r\n\r\n--\r\n-\n------WebKitFormBoundaryABC\r\n"
        + "------WebKitFormBoundaryABC\r\nContent-Disposition: form-data; name=\"empty\"; filename=\"\"\r\n\r\n\r\n"
        + "------WebKitFormBoundaryABC--\r\n"

    private let boundary = "----WebKitFormBoundaryABC"

    @Test("parts come with name, file name, type and data")
    func parts() throws {
        let parts = try read(Self.browserBody, boundary: self.boundary)
        #expect(parts.map(\.part.name) == ["collection", "file", "empty"])
        #expect(parts.map(\.part.filename) == [nil, "a\"b.txt", ""])
        #expect(parts.map(\.part.contentType) == [nil, "text/plain", nil])
        #expect(parts[0].text == "Handbücher")
        #expect(
            parts[1].text
                == "one\r\n------WebKitFormBoundaryAB\r\n\r\r\n\r\n--\r\n-\n------WebKitFormBoundaryABC")
        #expect(parts[2].text.isEmpty)
        #expect(parts[1].part.headers.map(\.name) == ["Content-Disposition", "Content-Type"])
    }

    @Test("the same is read however the body is cut in two, and byte by byte")
    func everyCut() throws {
        let bytes = Array(Self.browserBody.utf8)
        let whole = try read([bytes], boundary: self.boundary)
        for cut in 0...bytes.count {
            #expect(try read([Array(bytes[..<cut]), Array(bytes[cut...])], boundary: self.boundary) == whole)
        }
        #expect(try read(bytes.map { [$0] }, boundary: self.boundary) == whole)
    }

    @Test("a body that ends anywhere before its last boundary is refused")
    func lostEnd() throws {
        let bytes = Array(Self.browserBody.utf8)
        for count in 0..<(bytes.count - 2) {
            #expect(throws: MultipartError.self) { try read([Array(bytes[..<count])], boundary: self.boundary) }
        }
        #expect(try read([Array(bytes.dropLast(2))], boundary: self.boundary).count == 3)
    }

    @Test("a refused body stays refused")
    func staysRefused() throws {
        var parser = MultipartParser(boundary: try MultipartBoundary(contentType: "multipart/form-data; boundary=b"))
        #expect(throws: MultipartError.self) { try parser.consume(ByteBuffer(string: "--b\n")) }
        #expect(throws: MultipartError.self) {
            try parser.consume(ByteBuffer(string: body("Content-Disposition: form-data; name=a")))
        }
        #expect(throws: MultipartError.self) { try parser.finish() }
    }

    @Test("what stands before the first boundary and after the last is dropped, up to a limit")
    func outside() throws {
        let form = body("Content-Disposition: form-data; name=a")
        #expect(try read("This is MIME.\r\n\(form)and more\r\n--b\r\n").map(\.text) == ["x"])
        let long = String(repeating: "-", count: MultipartParserLimits.preambleBytes)
        #expect(refusal(of: long + "-\r\n" + form) == .tooLarge)
        #expect(refusal(of: form + long + long) == .tooLarge)
        #expect(try read("\(long.dropLast(4))\r\n\(form)").count == 1)
    }

    @Test("a part without data may close right after its headers")
    func noData() throws {
        let parts = try read(
            "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n--b\r\n"
                + "Content-Disposition: form-data; name=c\r\n\r\n--x\r\n--b--")
        #expect(parts.map(\.text) == ["", "--x"])
    }

    @Test("a form without parts is read")
    func noParts() throws {
        #expect(try read("--b--\r\n").isEmpty)
        #expect(refusal(of: "") == .malformed)
    }

    @Test(
        "a boundary's line holds nothing else",
        arguments: ["--bb\r\n", "--b\n", "--b\r\r\n", "--b-\r\n", "--b\u{B}\r\n", "--b \r \n", "--b;\r\n"])
    func boundaryLine(_ line: String) {
        let rest = "Content-Disposition: form-data; name=a\r\n\r\nx\r\n--b--"
        #expect(refusal(of: line + rest) == .malformed)
        #expect(refusal(of: "--b \t\r\n" + rest) == nil)
        #expect(refusal(of: "--b" + String(repeating: " ", count: 100) + "\r\n" + rest) == .malformed)
    }

    @Test("a boundary that another one begins with is refused rather than taken for it")
    func prefix() {
        #expect(refusal(of: body("Content-Disposition: form-data; name=a", data: "x\r\n--bc\r\ny")) == .malformed)
    }

    @Test("limits hold")
    func limits() throws {
        var limits = MultipartParser.Limits()
        limits.parts = 2
        limits.headersPerPart = 3
        limits.headerBytesPerPart = 200
        limits.totalBytes = 2000
        let disposition = "Content-Disposition: form-data; name=a"
        let part = "--b\r\n\(disposition)\r\n\r\nx\r\n"
        #expect(refusal(of: part + part + "--b--", limits: limits) == nil)
        #expect(refusal(of: part + part + part + "--b--", limits: limits) == .tooLarge)
        #expect(refusal(of: body(disposition, "A: 1", "B: 2"), limits: limits) == nil)
        #expect(refusal(of: body(disposition, "A: 1", "B: 2", "C: 3"), limits: limits) == .tooLarge)
        let long = String(repeating: "a", count: 200)
        #expect(refusal(of: body(disposition, "A: \(long)"), limits: limits) == .tooLarge)
        #expect(refusal(of: "--b\r\n" + long + long, limits: limits) == .tooLarge)
        #expect(refusal(of: body(disposition, data: String(repeating: "x", count: 2000)), limits: limits) == .tooLarge)
        let name = String(repeating: "n", count: MultipartParserLimits.nameBytes)
        #expect(refusal(of: body("Content-Disposition: form-data; name=\(name)")) == nil)
        #expect(refusal(of: body("Content-Disposition: form-data; name=\(name)n")) == .tooLarge)
    }

    @Test("what waits for the next bytes is small, whatever comes")
    func smallRest() throws {
        var parser = MultipartParser(boundary: try MultipartBoundary(contentType: "multipart/form-data; boundary=b"))
        _ = try parser.consume(ByteBuffer(string: "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n"))
        var random = SeededGenerator(seed: 5)
        for _ in 0..<200 {
            let bytes = (0..<1000).map { _ in Array("\r\n-bx".utf8).randomElement(using: &random) ?? 0 }
            guard let events = try? parser.consume(ByteBuffer(bytes: bytes)) else { break }
            let given = events.reduce(0) { count, event in
                if case .partData(let data) = event { count + data.readableBytes } else { count }
            }
            #expect(given >= 990)
        }
    }
}
