//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Testing

@testable import MultipartParser

@Suite("Headers of a form are read by the letter")
struct MultipartHeaderTests {
    private func filename(_ parameter: String) throws -> String? {
        try read(body("Content-Disposition: form-data; name=\"f\"; \(parameter)")).first?.part.filename
    }

    @Test(
        "a file's name leads nowhere and shows what it is",
        arguments: [
            ("filename=\"a.txt\"", "a.txt"),
            ("filename=a.txt", "a.txt"),
            ("FileName = \"a.txt\"", nil),
            ("filename=\"../../etc/passwd\"", "passwd"),
            ("filename=\"C:\\Users\\me\\a.txt\"", "a.txt"),
            ("filename=\"C:\\\\a.txt\"", "a.txt"),
            ("filename=\"say \\\"hi\\\".txt\"", "say \"hi\".txt"),
            ("filename=\"%22a%0d%0A.txt\"", "\"a.txt"),
            ("filename=\"100%.txt\"", "100%.txt"),
            ("filename=\"%41.txt\"", "%41.txt"),
            ("filename=\"a\u{202E}txt.exe\"", "atxt.exe"),
            ("filename=\"a\u{2028}b\u{85}.txt\"", "ab.txt"),
            ("filename=\"..\"", ""),
            ("filename=\"dir/\"", ""),
            ("filename=\"  .  \"", ""),
            ("filename=\"\"", ""),
            ("filename*=UTF-8''%e2%82%ac%20rates.txt", "€ rates.txt"),
            ("filename=\"x.txt\"; filename*=utf-8'en'%2e%2e%2Fy.txt", "y.txt"),
            ("filename=\"x.txt\"; filename*=iso-8859-1''%e9.txt", "é.txt"),
            ("filename=\"x.txt\"; filename*=UTF-8''%ff.txt", "x.txt"),
            ("filename=\"x.txt\"; filename*=koi8-r''%c1.txt", "x.txt"),
            ("filename=\"x.txt\"; filename*=UTF-8''%4.txt", "x.txt"),
            ("filename=\"x.txt\"; filename*=plain", "x.txt"),
            ("filename=\"日本語 📄.md\";", "日本語 📄.md"),
        ])
    func filenames(_ parameter: String, _ expected: String?) throws {
        guard let expected else {
            #expect(throws: MultipartError.self) { try self.filename(parameter) }
            return
        }
        #expect(try self.filename(parameter) == expected)
    }

    @Test("a long file name is shortened and keeps its ending")
    func longFilename() throws {
        let name = try #require(try self.filename("filename=\"" + String(repeating: "é", count: 500) + ".docx\""))
        #expect(name.utf8.count <= MultipartParserLimits.filenameBytes)
        #expect(name.hasSuffix("é.docx"))
        let plain = try #require(try self.filename("filename=\"" + String(repeating: "a", count: 500) + "\""))
        #expect(plain.utf8.count == MultipartParserLimits.filenameBytes)
    }

    @Test(
        "a part whose headers break the format is refused",
        arguments: [
            "Content-Disposition: form-data",
            "Content-Disposition: attachment; name=a",
            "Content-Disposition: form-data; name=a; name=b",
            "Content-Disposition: form-data; name=\"a",
            "Content-Disposition: form-data; name=\"a\"b",
            "Content-Disposition: form-data; name=a b",
            "Content-Disposition: form-data; name=",
            "Content-Disposition: form-data; name =a",
            "Content-Disposition : form-data; name=a",
            "Content-Disposition: form-data;\r\n name=a",
            "Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b",
            "Content-Disposition: form-data; name=a\r\nContent-Type: a/b\r\ncontent-type: c/d",
            "Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64",
            "Content-Disposition: form-data; name=a\nX: y",
            "Content-Disposition: form-data; name=\"a\rb\"",
            "Content-Disposition: form-data; name=\"a\0b\"",
            "no colon",
            ": no name",
            "X: y",
        ])
    func brokenHeaders(_ headers: String) {
        #expect(refusal(of: body(headers)) == .malformed)
    }

    @Test("names with bytes that are no UTF-8 are repaired")
    func repaired() throws {
        let bytes =
            Array("--b\r\nContent-Disposition: form-data; name=\"a".utf8) + [0xFF, 0xE9]
            + Array("\"\r\ncontent-TRANSFER-encoding: Binary\r\n\r\n\r\n--b--".utf8)
        #expect(try read([bytes]).map(\.part.name) == ["a\u{FFFD}\u{FFFD}"])
    }

    @Test(
        "a boundary is taken as RFC 2046 has it",
        arguments: [
            ("multipart/form-data; boundary=abc", "abc"),
            ("Multipart/Form-Data;BOUNDARY=\"a b:c\"", "a b:c"),
            ("multipart/form-data; charset=utf-8; boundary=----X1", "----X1"),
            ("multipart/form-data; boundary=\"===12==\";", "===12=="),
        ])
    func boundaries(_ contentType: String, _ expected: String) throws {
        #expect(try MultipartBoundary(contentType: contentType).bytes == Array(expected.utf8))
    }

    @Test(
        "any other boundary is refused",
        arguments: [
            "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\"",
            "multipart/form-data; boundary=a; boundary=b", "multipart/form-data; boundary=a b",
            "multipart/form-data; boundary=\"a \"", "multipart/form-data; boundary=\"a\r\nb\"",
            "multipart/form-data; boundary=\"ä\"", "multipart/form-data boundary=a", "multipart/form-data, boundary=a",
            "multipart/form-data; boundary=" + String(repeating: "a", count: 71), "",
            "multipart/form-data; x=\"" + String(repeating: "a", count: 2000) + "\"; boundary=a",
        ])
    func badBoundaries(_ contentType: String) {
        #expect { try MultipartBoundary(contentType: contentType) } throws: {
            ($0 as? MultipartError)?.code == .malformed
        }
    }

    @Test("another type is told apart", arguments: ["application/json", "multipart/mixed; boundary=a"])
    func otherTypes(_ contentType: String) {
        #expect { try MultipartBoundary(contentType: contentType) } throws: {
            ($0 as? MultipartError)?.code == .unsupportedType
        }
    }
}
