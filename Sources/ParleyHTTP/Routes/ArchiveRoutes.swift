//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import NIOFoundationCompat
import ParleyChat
import ParleyCore

/// Export of one conversation as JSON or Markdown, and import of Parley's and ChatGPT's files.
struct ArchiveRoutes {
    private struct ImportReply: Encodable {
        var imported: Int
        var conversationIDs: [ConversationID]
    }

    let store: any ConversationStore

    func add(to table: inout RouteTable) {
        table.get("/api/conversations/{id}/export") { try await self.export($0, $1) }
        table.on(.post, "/api/import") { try await self.importFile($0, $1) }
    }

    private func export(_ request: Request, _ context: AppContext) async throws -> Response {
        let user = try context.user()
        let conversation = try await self.store.conversation(context.id(), owner: user.id)
        switch request.query("format") ?? "json" {
        case "json":
            let messages = try await self.allMessages(of: conversation)
            let archive = ConversationArchive(entries: [.init(conversation: conversation, messages: messages)])
            let data = try ParleyExport.write(archive)
            return Self.attachment(data, name: conversation, type: "application/json", suffix: "json")
        case "markdown":
            let branch = try await self.wholeBranch(of: conversation)
            let text = ConversationArchive.markdown(conversation, branch: branch)
            return Self.attachment(
                Data(text.utf8), name: conversation, type: "text/markdown; charset=utf-8", suffix: "md")
        default: throw Problem.invalid("format", "must be json or markdown")
        }
    }

    private func allMessages(of conversation: Conversation) async throws -> [Message] {
        var pages: [[Message]] = []
        var before: String?
        repeat {
            let page = try await self.store.messages(
                in: conversation.id, owner: conversation.ownerID, before: before, limit: CoreLimits.pageElements)
            pages.append(page.elements)
            before = page.next
        } while before != nil
        return pages.reversed().flatMap { $0 }
    }

    private func wholeBranch(of conversation: Conversation) async throws -> [Message] {
        var pages: [[Message]] = []
        var before: String?
        repeat {
            let page = try await self.store.branch(
                of: conversation.id, owner: conversation.ownerID, through: nil, before: before,
                limit: CoreLimits.pageElements)
            pages.append(page.elements.map(\.message))
            before = page.next
        } while before != nil
        return pages.reversed().flatMap { $0 }
    }

    private static func attachment(
        _ data: Data, name conversation: Conversation, type: String, suffix: String
    ) -> Response {
        // Only plain ASCII goes into the header; the rest of a title is for the file's content.
        let word = conversation.title.unicodeScalars.map { scalar -> Character in
            let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
            return isPlain ? Character(scalar) : "-"
        }
        let name = String(word).split(separator: "-").joined(separator: "-").prefix(60)
        let headers: HTTPFields = [
            .contentType: type, .cacheControl: "no-store",
            .contentDisposition: "attachment; filename=\"\(name.isEmpty ? "conversation" : name).\(suffix)\"",
        ]
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(data: data)))
    }

    private func importFile(_ request: Request, _ context: AppContext) async throws -> Response {
        let user = try context.user()
        let data = try await request.body(limitBytes: HTTPLimits.importBytes)
        let archive = try ConversationArchive(reading: data, owner: user.id, now: .now())
        var ids: [ConversationID] = []
        for entry in archive.entries {
            try await self.store.importConversation(entry.conversation, messages: entry.messages)
            ids.append(entry.conversation.id)
        }
        return try Reply.json(ImportReply(imported: ids.count, conversationIDs: ids))
    }
}
