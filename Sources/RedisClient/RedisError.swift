//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Why a command has no result.
public struct RedisError: Error, Hashable, Sendable {
    /// What kind of failure it is.
    public enum Code: Hashable, Sendable {
        /// No server can be reached at the moment.
        case unreachable
        /// The reply did not come in time. The command may have run or may yet run.
        case timedOut
        /// The connection or the client was closed before the reply came.
        case closed
        /// The task was cancelled. What was already sent may have run.
        case cancelled
        /// The server answered with an error, whose first word this is: `WRONGTYPE`, `NOSCRIPT`, `READONLY`, …
        case server(String)
        /// The reply is not of the type that was asked for.
        case decoding
        /// What was received is not RESP, or not where a reply is expected.
        case protocolViolation
        /// User or password are wrong or missing.
        case authentication
        /// A reply or a command passes a limit.
        case tooLarge
        /// Too many commands or connections are in use; nothing was sent.
        case poolExhausted
        /// What was configured cannot be used, or the server does not play the configured role.
        case configuration
    }

    public let code: Code
    /// What happened, for an operator. Holds no password and nothing that the caller sent; the text of a server's
    /// error is the server's.
    public let message: String
    /// False when the command certainly did not reach the server, so that it can be sent again without harm.
    public let wasSent: Bool

    public init(_ code: Code, _ message: String, wasSent: Bool = false) {
        self.code = code
        self.message = message
        self.wasSent = wasSent
    }

    /// The first word of the server's error; nil for other errors.
    public var serverPrefix: String? {
        if case .server(let prefix) = self.code { prefix } else { nil }
    }

    /// The same error of a command that may have reached the server, or that did not.
    func sent(_ wasSent: Bool) -> RedisError {
        RedisError(self.code, self.message, wasSent: wasSent)
    }
}

extension RedisError: CustomStringConvertible {
    public var description: String {
        if case .server(let prefix) = self.code { return "\(prefix) \(self.message)" }
        return "\(self.message) (\(self.code))"
    }
}

extension RedisError {
    /// Reads what follows `-` or `!`: `ERR unknown command`.
    init(reply text: String) {
        let prefix = text.prefix { $0 != " " }
        // A script may answer with anything; only a word in capitals is a code.
        guard !prefix.isEmpty, prefix.utf8.allSatisfy(Self.isOfCode) else {
            self.init(.server("ERR"), text, wasSent: true)
            return
        }
        let rest = text.dropFirst(prefix.count).drop { $0 == " " }
        self.init(.server(String(prefix)), String(rest), wasSent: true)
    }

    private static func isOfCode(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || byte == UInt8(ascii: "_")
    }

    /// Whether the server that answers so is not, or not yet, the one to write to.
    var meansReconnect: Bool {
        ["READONLY", "LOADING", "MASTERDOWN", "UNBLOCKED"].contains(self.serverPrefix)
    }

    static func protocolViolation(_ message: String) -> RedisError {
        RedisError(.protocolViolation, message, wasSent: true)
    }

    static func tooLarge(_ message: String) -> RedisError {
        RedisError(.tooLarge, message, wasSent: true)
    }
}
