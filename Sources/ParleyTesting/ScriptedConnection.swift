//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import ParleyCore

/// Plays scripts on one connection, one request at a time.
///
/// Everything happens on the connection's event loop.
final class ScriptedConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// The longest request, in bytes.
    private static let bodyBytes = 64 * 1024 * 1024

    private let playbook: Playbook
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()
    private var isAnswering = false
    private var keepsAlive = true
    /// The last request's bytes and what was read of them: a benchmark sends the same ones again and again.
    private var lastRead: (body: ByteBuffer, request: CompletionRequest)?

    init(playbook: Playbook) {
        self.playbook = playbook
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            self.body.clear()
        case .body(var bytes):
            guard self.body.readableBytes + bytes.readableBytes <= Self.bodyBytes else {
                return context.close(promise: nil)
            }
            if self.body.readableBytes == 0 { self.body = bytes } else { self.body.writeBuffer(&bytes) }
        case .end:
            guard let head = self.head else { return }
            self.head = nil
            self.isAnswering = true
            self.keepsAlive = head.isKeepAlive
            self.answer(head, context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if self.isAnswering {
            self.isAnswering = false
            self.playbook.change { $0.cancelled += 1 }
        }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    // MARK: Routes

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let path = head.uri.split(separator: "?", maxSplits: 1).first.map(String.init) ?? head.uri
        let isCompletion = path == "/v1/chat/completions" || path == "/v1/embeddings"
        self.playbook.note({ Self.record(head, self.body) }, isCompletion: isCompletion)
        switch (head.method, path) {
        case (.GET, "/v1/models"): self.listModels(context)
        case (.POST, "/v1/chat/completions"): self.complete(head, context)
        case (.POST, "/v1/embeddings"): self.embed(head, context)
        case (_, "/v1/models"), (_, "/v1/chat/completions"), (_, "/v1/embeddings"):
            self.refuse(.methodNotAllowed, "Not a method of this path.", context)
        default: self.refuse(.notFound, "Unknown path: \(path)", context)
        }
    }

    private static func record(_ head: HTTPRequestHead, _ body: ByteBuffer) -> ScriptedModelServer.Request {
        ScriptedModelServer.Request(
            method: head.method.rawValue, path: head.uri,
            headers: Dictionary(head.headers.map { ($0.name.lowercased(), $0.value) }) { "\($0), \($1)" },
            body: String(buffer: body))
    }

    private func listModels(_ context: ChannelHandlerContext) {
        let (models, script) = self.playbook.read { ($0.models, $0.modelsScript ?? ModelScript()) }
        if script.fault == .hangBeforeHead { return }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("object")
        writer.string("list")
        writer.key("data")
        writer.beginArray()
        for model in models {
            writer.beginObject()
            writer.key("id")
            writer.string(model)
            writer.key("object")
            writer.string("model")
            writer.key("created")
            writer.int(1_700_000_000)
            writer.key("owned_by")
            writer.string("scripted")
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        let bytes = writer.bytes
        self.after(ms: script.firstTokenMs, context) { context in
            if let status = script.status {
                self.refuse(HTTPResponseStatus(statusCode: status), script.errorMessage, context)
            } else {
                self.send(.ok, ByteBuffer(bytes: bytes), context)
            }
        }
    }

    private func complete(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard let request = self.read() else {
            return self.refuse(.badRequest, "The body is no request for a completion.", context)
        }
        guard let script = self.script(forModel: request.model, head, context) else { return }
        let text = script.echoes ? request.messages.last { $0.role == "user" }?.content : script.text
        if script.dropsConnection { self.keepsAlive = false }
        let streams = request.stream == true && !script.ignoresStream
        let answer = self.playbook.answer(
            ScriptedAnswer.Key(
                script: script, model: request.model, text: text ?? ScriptedAnswer.words(script.deltas),
                streams: streams, includesUsage: request.streamOptions?.includeUsage == true))
        if streams {
            self.stream(answer, script, context)
        } else {
            let wait = script.firstTokenMs + script.paceMs * script.deltas
            self.after(ms: wait, context) { context in self.send(.ok, answer.parts[0], context) }
        }
    }

    private func embed(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let request = try? JSONDecoder().decode(
            ScriptedEmbeddings.Request.self, from: Data(self.body.readableBytesView))
        guard let request else { return self.refuse(.badRequest, "The body is no request for embeddings.", context) }
        guard let script = self.script(forModel: request.model, head, context) else { return }
        let answer = ScriptedEmbeddings(request: request, script: script)
        self.after(ms: script.firstTokenMs, context) { context in
            self.send(.ok, ByteBuffer(bytes: answer.body), context)
        }
    }

    /// The script for a model; `nil` when it has been played already, as a refusal or a fault.
    private func script(
        forModel model: String, _ head: HTTPRequestHead, _ context: ChannelHandlerContext
    ) -> ModelScript? {
        guard let script = self.playbook.script(forModel: model) else {
            self.refuse(.notFound, "The model `\(model)` does not exist.", code: "model_not_found", context)
            return nil
        }
        if let key = script.requiredKey, head.headers.first(name: "authorization") != "Bearer \(key)" {
            let sent = head.headers.first(name: "authorization")?.dropFirst("Bearer ".count) ?? ""
            self.refuse(
                .unauthorized, "Incorrect API key provided: \(sent). You can find your key in your account.",
                code: "invalid_api_key", context)
            return nil
        }
        if self.playFault(script, context) { return nil }
        if let status = script.status {
            self.after(ms: script.firstTokenMs, context) { context in
                self.refuse(
                    HTTPResponseStatus(statusCode: status), script.errorMessage, code: script.errorCode,
                    headers: script.retryAfter.map { [("Retry-After", $0)] } ?? [], context)
            }
            return nil
        }
        return script
    }

    private func read() -> CompletionRequest? {
        if let last = self.lastRead, last.body == self.body { return last.request }
        let request = try? JSONDecoder().decode(CompletionRequest.self, from: Data(self.body.readableBytesView))
        if let request { self.lastRead = (self.body, request) }
        return request
    }

    /// Faults that leave no answer; `true` when one was played.
    private func playFault(_ script: ModelScript, _ context: ChannelHandlerContext) -> Bool {
        switch script.fault {
        case .hangBeforeHead:
            return true
        case .closeBeforeHead:
            self.isAnswering = false
            context.close(promise: nil)
            return true
        case .garbage:
            self.isAnswering = false
            // Below the encoder: what goes out is no HTTP.
            context.channel.pipeline.syncOperations.writeUnframed("SSH-2.0-OpenSSH_9.2\r\n", on: context)
            return true
        case .redirect:
            self.refuse(
                .temporaryRedirect, "Moved.", headers: [("Location", "/v1/elsewhere")], context)
            return true
        case .cut, .reset, .end, .hang, .badJSON, .errorEvent, nil:
            return false
        }
    }

    // MARK: Writing

    private func stream(_ answer: ScriptedAnswer, _ script: ModelScript, _ context: ChannelHandlerContext) {
        let head = HTTPResponseHead(
            version: .http1_1, status: .ok,
            headers: ["Content-Type": "text/event-stream", "Cache-Control": "no-cache"])
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        if script.firstTokenMs == 0, script.paceMs == 0, script.fragmentBytes == nil {
            if answer.joined.readableBytes > 0 {
                context.write(self.wrapOutboundOut(.body(.byteBuffer(answer.joined))), promise: nil)
            }
            return self.finish(answer.ending, context)
        }
        var parts = answer.parts
        if answer.preamble.readableBytes > 0 { parts.insert(answer.preamble, at: 0) }
        if let size = script.fragmentBytes { parts = Self.fragments(of: parts, size: size) }
        context.flush()
        let start = NIODeadline.now() + .milliseconds(Int64(script.firstTokenMs))
        self.play(parts, from: 0, start: start, paceMs: script.paceMs, ending: answer.ending, context)
    }

    /// Writes the part that is due and waits for the next; each time is reckoned from the start, so none drifts.
    private func play(
        _ parts: [ByteBuffer], from index: Int, start: NIODeadline, paceMs: Int, ending: ScriptedAnswer.Ending,
        _ context: ChannelHandlerContext
    ) {
        let due = start + .milliseconds(Int64(paceMs * index))
        let loopBound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(deadline: due) {
            let (connection, context) = loopBound.value
            guard connection.isAnswering else { return }
            guard index < parts.count else { return connection.finish(ending, context) }
            context.writeAndFlush(connection.wrapOutboundOut(.body(.byteBuffer(parts[index]))), promise: nil)
            if index + 1 == parts.count { return connection.finish(ending, context) }
            connection.play(parts, from: index + 1, start: start, paceMs: paceMs, ending: ending, context)
        }
    }

    private func finish(_ ending: ScriptedAnswer.Ending, _ context: ChannelHandlerContext) {
        switch ending {
        case .endOfBody:
            self.isAnswering = false
            self.playbook.change { $0.completed += 1 }
            self.end(context)
        case .nothing:
            context.flush()
        case .close:
            self.isAnswering = false
            context.flush()
            context.close(promise: nil)
        case .reset:
            self.isAnswering = false
            context.flush()
            let loopBound = NIOLoopBound(context, eventLoop: context.eventLoop)
            guard let socket = context.channel as? any SocketOptionProvider else { return context.close(promise: nil) }
            socket.setSoLinger(linger(l_onoff: 1, l_linger: 0))
                .whenComplete { _ in loopBound.value.close(promise: nil) }
        }
    }

    private static func fragments(of parts: [ByteBuffer], size: Int) -> [ByteBuffer] {
        var fragments: [ByteBuffer] = []
        for var part in parts {
            while let fragment = part.readSlice(length: min(size, part.readableBytes)), fragment.readableBytes > 0 {
                fragments.append(fragment)
            }
        }
        return fragments
    }

    private func after(
        ms: Int, _ context: ChannelHandlerContext, _ act: @escaping (ChannelHandlerContext) -> Void
    ) {
        guard ms > 0 else { return act(context) }
        let loopBound = NIOLoopBound((self, context, act), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .milliseconds(Int64(ms))) {
            let (connection, context, act) = loopBound.value
            if connection.isAnswering { act(context) }
        }
    }

    private func refuse(
        _ status: HTTPResponseStatus, _ message: String, code: String? = nil,
        headers: [(String, String)] = [], _ context: ChannelHandlerContext
    ) {
        var writer = JSONWriter()
        ScriptedAnswer.writeError(message, code: code, to: &writer)
        self.send(status, ByteBuffer(bytes: writer.bytes), headers: headers, context)
    }

    private func send(
        _ status: HTTPResponseStatus, _ body: ByteBuffer, headers: [(String, String)] = [],
        _ context: ChannelHandlerContext
    ) {
        self.isAnswering = false
        self.playbook.change { $0.completed += 1 }
        var fields = HTTPHeaders(headers)
        fields.add(name: "Content-Type", value: "application/json")
        fields.add(name: "Content-Length", value: String(body.readableBytes))
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: fields)
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        context.write(self.wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        self.end(context)
    }

    private func end(_ context: ChannelHandlerContext) {
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
        if !self.keepsAlive { context.close(promise: nil) }
    }
}

extension ChannelPipeline.SynchronousOperations {
    /// Writes text past the HTTP encoder and closes.
    fileprivate func writeUnframed(_ text: String, on context: ChannelHandlerContext) {
        guard let encoder = try? self.context(handlerType: HTTPResponseEncoder.self) else { return }
        encoder.writeAndFlush(NIOAny(ByteBuffer(string: text)), promise: nil)
        context.close(promise: nil)
    }
}
