//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Glibc

/// Turns a document that is no text into text by another program.
struct Conversion {
    let kind: DocumentKind
    let tools: DocumentTools
    let limits: DocumentReader.Limits
    let isCancelled: @Sendable () -> Bool

    struct Converted {
        var text: FileBytes
        var title: String?
    }

    /// Blocks the calling thread until the program has ended.
    func run(_ file: FileBytes) throws(DocumentError) -> Converted {
        guard file.count <= self.limits.convertedBytes else {
            throw DocumentError(
                .tooLarge, "It is larger than \(self.limits.convertedBytes >> 20) MB. Split it into parts.")
        }
        switch self.kind {
        case .pdf:
            guard let program = self.tools.pdfToText else { throw Self.missing("PDF", "poppler-utils") }
            let output = try self.output(
                of: program, ["-enc", "UTF-8", "-eol", "unix", "-", "-"], file)
            return Converted(text: output, title: try self.pdfTitle(file))
        case .docx: return try self.pandoc(file, from: "docx", name: "Word documents")
        case .odt: return try self.pandoc(file, from: "odt", name: "OpenDocument files")
        case .epub: return try self.pandoc(file, from: "epub", name: "EPUB books")
        default: return try self.pandoc(file, from: "rtf", name: "RTF files")
        }
    }

    private static func missing(_ what: String, _ package: String) -> DocumentError {
        DocumentError(
            .toolMissing, "To read \(what) the server needs the package \(package). Its operator can install it.")
    }

    /// HTML keeps levels, lists and tables, and has none of the escapes that Markdown needs.
    private func pandoc(_ file: FileBytes, from format: String, name: String) throws(DocumentError) -> Converted {
        guard let program = self.tools.pandoc else { throw Self.missing(name, "pandoc") }
        if format != "rtf" { try ZipDirectory(file).checkSizes(self.limits) }
        // In the sandbox it opens no files and no addresses, whatever the document names.
        let arguments = [
            "--sandbox", "--from=\(format)", "--to=html", "--wrap=none", "--standalone", "--quiet",
        ]
        return Converted(text: try self.output(of: program, arguments, file), title: nil)
    }

    private func pdfTitle(_ file: FileBytes) throws(DocumentError) -> String? {
        guard let program = self.tools.pdfInfo else { return nil }
        let output = try self.output(of: program, ["-enc", "UTF-8", "-"], file)
        let text = String(decoding: try output.read(at: 0, count: 4096), as: UTF8.self)
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("Title:") }) else { return nil }
        let title = line.dropFirst(6).drop { $0 == " " }
        // Word processors leave such titles behind.
        return title.isEmpty || title.contains("Microsoft Word - ") || title.lowercased() == "untitled"
            ? nil : String(title)
    }

    private func output(of program: String, _ arguments: [String], _ file: FileBytes) throws(DocumentError) -> FileBytes
    {
        let process = LimitedProcess(
            program: program, arguments: arguments, limits: self.limits, temporaryFolder: self.tools.temporaryFolder)
        let outcome = try process.run(input: file, isCancelled: self.isCancelled)
        let detail = "\(program) \(outcome.ending): \(outcome.complaint)"
        switch outcome.ending {
        case .exited(code: 0): return outcome.output
        case .cancelled: throw DocumentError(.cancelled, "The reading was cancelled.")
        case .outOfTime:
            throw DocumentError(.tooLarge, "Reading it took longer than \(self.limits.toolTime).", detail: detail)
        case .signalled(Int(SIGXCPU)):
            throw DocumentError(
                .tooLarge, "Reading it took more than \(self.limits.toolProcessorTime) of processor time.",
                detail: detail)
        case .signalled(Int(SIGXFSZ)):
            throw DocumentError(
                .tooLarge, "It holds more text than \(self.limits.outputBytes >> 20) MB.", detail: detail)
        case .signalled, .exited: throw self.failure(outcome, detail)
        }
    }

    private func failure(_ outcome: LimitedProcess.Outcome, _ detail: String) -> DocumentError {
        let complaint = outcome.complaint.lowercased()
        let memory = ["out of memory", "unable to commit", "cannot allocate", "bad_alloc", "heap exhausted"]
        if memory.contains(where: complaint.contains) || outcome.ending == .signalled(Int(SIGKILL)) {
            return DocumentError(
                .tooLarge, "Reading it takes more memory than \(self.limits.toolMemoryBytes >> 20) MB.", detail: detail)
        }
        if outcome.output.count >= self.limits.outputBytes || complaint.contains("file too large") {
            return DocumentError(
                .tooLarge, "It holds more text than \(self.limits.outputBytes >> 20) MB.", detail: detail)
        }
        if complaint.contains("password") || complaint.contains("encrypt") {
            return DocumentError(.locked, "It is protected with a password. Save it without one.", detail: detail)
        }
        return DocumentError(.malformed, "It is damaged, or not what it claims to be.", detail: detail)
    }
}
