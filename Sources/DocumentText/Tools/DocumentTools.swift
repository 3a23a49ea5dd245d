//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Glibc

/// The programs that read kinds of documents which are not text. Each may be missing.
public struct DocumentTools: Hashable, Sendable {
    /// `pdftotext` of poppler-utils, which reads PDF; an absolute path.
    public var pdfToText: String?
    /// `pdfinfo` of poppler-utils, which reads a PDF's title.
    public var pdfInfo: String?
    /// `pandoc`, which reads docx, odt, epub and rtf.
    public var pandoc: String?
    /// Where each run makes a private folder, which it removes again.
    public var temporaryFolder: String

    public init(pdfToText: String?, pdfInfo: String?, pandoc: String?, temporaryFolder: String = "/tmp") {
        self.pdfToText = pdfToText
        self.pdfInfo = pdfInfo
        self.pandoc = pandoc
        self.temporaryFolder = temporaryFolder
    }

    /// Those that are installed where a system keeps its programs; the environment's `PATH` is not asked.
    public static func installed(temporaryFolder: String = "/tmp") -> DocumentTools {
        func find(_ name: String) -> String? {
            ["/usr/bin/", "/usr/local/bin/", "/bin/"].map { $0 + name }.first { access($0, X_OK) == 0 }
        }
        return DocumentTools(
            pdfToText: find("pdftotext"), pdfInfo: find("pdfinfo"), pandoc: find("pandoc"),
            temporaryFolder: temporaryFolder)
    }
}
