//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import HTTPTypes
import Hummingbird
import MultipartParser
import NIOCore
import ParleyChat
import ParleyCore

/// Why a request was not done, for the client: RFC 9457 problem details on `/api`, OpenAI's shape on `/v1`.
struct Problem: Error, Sendable {
    var status: HTTPResponse.Status
    /// The stable word at the end of `type`.
    var name: String
    var title: String
    var detail: String
    var fields: [ChatError.Field] = []
    var headers: HTTPFields = [:]
    /// Set on a 401 when no account exists yet.
    var setupRequired: Bool?

    init(
        _ status: HTTPResponse.Status, _ name: String, title: String, detail: String,
        fields: [ChatError.Field] = [], headers: HTTPFields = [:]
    ) {
        self.status = status
        self.name = name
        self.title = title
        self.detail = detail
        self.fields = fields
        self.headers = headers
    }
}

// MARK: The kinds

extension Problem {
    static let signInRequired = Problem(
        .unauthorized, "sign-in-required", title: "Sign in first",
        detail: "This request needs a session. Open one with POST /api/session.")

    static let notFound = Problem(
        .notFound, "not-found", title: "Not found", detail: "There is nothing here, or it is not yours.")

    static let forbidden = Problem(
        .forbidden, "forbidden", title: "Not allowed", detail: "Your account may not do this.")

    static let internalError = Problem(
        .internalServerError, "internal", title: "Something went wrong",
        detail: "The request was not done. The log has the reason under this request's id.")

    static func malformed(_ detail: String) -> Problem {
        Problem(.badRequest, "malformed", title: "The request cannot be read", detail: detail)
    }

    static func invalid(_ fields: [ChatError.Field]) -> Problem {
        let detail = fields.map { "\($0.field): \($0.message)" }.joined(separator: "; ")
        return Problem(
            .unprocessableContent, "invalid", title: "The request has wrong values", detail: detail, fields: fields)
    }

    static func invalid(_ field: String, _ message: String) -> Problem {
        .invalid([ChatError.Field(field, message)])
    }

    /// - Throws: a 422 problem for the name of a user, preset or key that is empty, too long or carries NUL.
    static func check(name: String) throws {
        guard (1...HTTPLimits.nameBytes).contains(name.utf8.count), !name.utf8.contains(0) else {
            throw Problem.invalid("name", "must have 1 to \(HTTPLimits.nameBytes) bytes")
        }
    }

    static func tooLarge(limitBytes: Int) -> Problem {
        Problem(
            .contentTooLarge, "too-large", title: "The request is too large",
            detail: "The limit is \(limitBytes) bytes.")
    }

    static func storageFull(_ detail: String) -> Problem {
        Problem(
            .init(code: 507, reasonPhrase: "Insufficient Storage"), "storage-full", title: "No room left",
            detail: detail)
    }

    static let uploadTooSlow = Problem(
        .requestTimeout, "too-slow", title: "The upload took too long",
        detail: "An upload may take \(Int(HTTPLimits.uploadTime.inSeconds) / 60) minutes. Nothing of it was kept.")

    static func methodNotAllowed(_ allowed: [HTTPRequest.Method]) -> Problem {
        let list = allowed.map(\.rawValue).sorted().joined(separator: ", ")
        return Problem(
            .methodNotAllowed, "method-not-allowed", title: "Method not allowed",
            detail: "This address understands \(list).", headers: [.allow: list])
    }

    static func tooManyRequests(retryAfterSeconds: Int, _ detail: String) -> Problem {
        Problem(
            .tooManyRequests, "too-many-requests", title: "Too many requests", detail: detail,
            headers: [.retryAfter: String(retryAfterSeconds)])
    }
}

// MARK: From errors

extension Problem {
    /// The one place where errors become answers. `nil` for an error that a client should learn nothing about.
    init?(_ error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let error as ChatError: self.init(error)
        case let error as StoreError: self.init(error)
        case let error as ClusterError where error.code == .unavailable:
            self = .unavailable(error.message)
        case let error as ModelError: self.init(error)
        case let error as KnowledgeError: self.init(error)
        case let error as EmbedderError: self.init(error)
        case let error as MultipartError: self.init(error)
        case let error as LinkError: self = .invalid("url", error.reason)
        case let error as any HTTPResponseError: self.init(status: error.status, error: error)
        default: return nil
        }
    }

    private static func unavailable(_ detail: String) -> Problem {
        Problem(
            .serviceUnavailable, "unavailable", title: "Not available now", detail: detail,
            headers: [.retryAfter: "2"])
    }

    private init(_ error: ChatError) {
        switch error.code {
        case .invalid: self = .invalid(error.fields)
        case .tooLarge(let limitBytes):
            self = .tooLarge(limitBytes: limitBytes)
            self.fields = error.fields
        case .store(let error): self.init(error)
        case .cluster(let error): self = .unavailable(error.message)
        }
    }

    private init(_ error: StoreError) {
        switch error.code {
        case .notFound: self = .notFound
        case .conflict: self.init(.conflict, "conflict", title: "Conflict", detail: error.message)
        case .invalid: self.init(.badRequest, "invalid", title: "The request has wrong values", detail: error.message)
        case .unavailable: self = .unavailable(error.message)
        case .full: self = .storageFull(error.message)
        case .unusable: self = .unavailable(error.message)
        case .internal: self = .internalError
        }
    }

    private init(_ error: ModelError) {
        var headers: HTTPFields = [:]
        if let seconds = error.retryAfter?.components.seconds {
            headers[.retryAfter] = String(max(1, seconds))
        }
        let status: HTTPResponse.Status =
            switch error.code {
            case .rateLimited: .tooManyRequests
            case .overloaded: .serviceUnavailable
            case .timeout: .gatewayTimeout
            default: .badGateway
            }
        self.init(
            status, error.code.rawValue.replacing("_", with: "-"), title: "The model gave no answer",
            detail: error.message, headers: headers)
    }

    private init(_ error: KnowledgeError) {
        switch error.code {
        case .notFound: self = .notFound
        case .invalid:
            self.init(.badRequest, "invalid", title: "The request has wrong values", detail: error.message)
        case .unavailable: self = .unavailable(error.message)
        case .unreadable: self = .invalid("file", error.message)
        case .internal: self = .internalError
        }
    }

    private init(_ error: EmbedderError) {
        var headers: HTTPFields = [:]
        if let seconds = error.retryAfter?.components.seconds {
            headers[.retryAfter] = String(max(1, seconds))
        }
        let status: HTTPResponse.Status =
            switch error.code {
            case .rateLimited: .tooManyRequests
            case .overloaded, .unavailable, .cancelled: .serviceUnavailable
            case .refused: .unprocessableContent
            case .timeout: .gatewayTimeout
            default: .badGateway
            }
        self.init(
            status, error.code.rawValue.replacing("_", with: "-"), title: "The texts were not embedded",
            detail: error.message, headers: headers)
    }

    private init(_ error: MultipartError) {
        switch error.code {
        case .unsupportedType:
            self.init(
                .unsupportedMediaType, "unsupported-media-type", title: "Unsupported content type",
                detail: "\(error.message.prefix(1).uppercased())\(error.message.dropFirst()).")
        case .malformed: self = .malformed("The form cannot be read: \(error.message).")
        case .tooLarge:
            self.init(
                .contentTooLarge, "too-large", title: "The request is too large",
                detail: "The form passes a limit: \(error.message).")
        }
    }

    private init(status: HTTPResponse.Status, error: any HTTPResponseError) {
        switch status {
        case .notFound: self = .notFound
        case .contentTooLarge: self = .tooLarge(limitBytes: HTTPLimits.bodyBytes)
        default:
            let detail = (error as? HTTPError)?.body ?? status.reasonPhrase
            self.init(status, "refused", title: status.reasonPhrase, detail: detail)
        }
    }
}

// MARK: The answer

extension Problem {
    /// Problem details: `type`, `title`, `status`, `detail`, `requestID`, `errors`.
    func problemDetails(requestID: String) -> Response {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("type")
        writer.string("urn:parley:problem:\(self.name)")
        writer.key("title")
        writer.string(self.title)
        writer.key("status")
        writer.int(self.status.code)
        writer.key("detail")
        writer.string(self.detail)
        writer.key("requestID")
        writer.string(requestID)
        writer.key("errors")
        writer.beginArray()
        for field in self.fields {
            writer.beginObject()
            writer.key("field")
            writer.string(field.field)
            writer.key("message")
            writer.string(field.message)
            writer.endObject()
        }
        writer.endArray()
        if let setupRequired {
            writer.key("setupRequired")
            writer.bool(setupRequired)
        }
        writer.endObject()
        return self.response(writer, type: "application/problem+json")
    }

    /// OpenAI's shape: `{"error":{"message","type","param","code"}}`.
    func openAIError() -> Response {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("error")
        writer.beginObject()
        writer.key("message")
        writer.string(self.detail)
        writer.key("type")
        writer.string(self.status.code >= 500 ? "server_error" : "invalid_request_error")
        writer.key("param")
        if let field = self.fields.first {
            writer.string(field.field)
        } else {
            writer.null()
        }
        writer.key("code")
        writer.string(self.name.replacing("-", with: "_"))
        writer.endObject()
        writer.endObject()
        return self.response(writer, type: "application/json")
    }

    private func response(_ writer: JSONWriter, type: String) -> Response {
        var headers = self.headers
        headers[.contentType] = type
        headers[.cacheControl] = "no-store"
        return Response(
            status: self.status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: writer.bytes)))
    }
}
