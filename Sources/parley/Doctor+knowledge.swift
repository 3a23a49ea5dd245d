//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import DocumentText
import Foundation
import ParleyCore
import ParleyStore

extension Doctor {
    /// What documents, search and background work need.
    func knowledgeChecks(_ settings: Settings) async -> [Check] {
        await [
            self.index(settings), self.reader(of: "PDF", "pdftotext", in: "poppler-utils"),
            self.reader(of: "DOCX, ODT, EPUB and RTF", "pandoc", in: "pandoc"), self.jobs(settings),
        ]
    }

    private func index(_ settings: Settings) -> Check {
        let folder = settings.indexFolder
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        guard !files.isEmpty else {
            return Check(mark: .good, text: "index of vectors: none yet; made while the server runs")
        }
        let bytes = files.reduce(Int64(0)) { sum, name in
            let attributes = try? FileManager.default.attributesOfItem(atPath: folder + "/" + name)
            return sum + ((attributes?[.size] as? NSNumber)?.int64Value ?? 0)
        }
        return Check(mark: .good, text: "index of vectors: \(files.count) files, \(bytes / 1024) KiB, in \(folder)")
    }

    private func reader(of kinds: String, _ program: String, in package: String) -> Check {
        let tools = DocumentTools.installed()
        let path = program == "pandoc" ? tools.pandoc : tools.pdfToText
        return path.map { Check(mark: .good, text: "\(kinds) are read by \($0)") }
            ?? Check(mark: .missing, text: "\(kinds) cannot be read: install \(package)")
    }

    private func jobs(_ settings: Settings) async -> Check {
        do {
            let store = try SQLiteStore(path: settings.databasePath)
            let figures = try await store.jobFigures(now: .now())
            let text =
                "background jobs: \(figures.waiting) waiting, \(figures.running) running, \(figures.dead) set aside"
            return Check(mark: figures.dead == 0 ? .good : .missing, text: text)
        } catch {
            return Check(mark: .failed, text: "background jobs: \(error)")
        }
    }
}
