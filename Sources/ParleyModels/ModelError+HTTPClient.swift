//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import ParleyCore

extension ModelError {
    /// What a failure of the HTTP client means to the one who asked.
    ///
    /// - Parameters:
    ///   - hadHead: whether the response had begun.
    ///   - words: cleans the library's description, which may repeat what the server sent.
    init(_ error: any Error, endpoint: String, hadHead: Bool, words: ServerWords) {
        switch error {
        case let error as ModelError:
            self = error
        case let error as HTTPClientError:
            self = Self.of(error, endpoint: endpoint, hadHead: hadHead)
        case is ChannelError where !hadHead, is NIOConnectionError, is NIOCore.SocketAddressError:
            self.init(.unreachable, "\(endpoint) cannot be reached: \(words.clean(Self.reason(error))).")
        case HTTPParserError.invalidEOFState:
            self = Self.of(.remoteConnectionClosed, endpoint: endpoint, hadHead: hadHead)
        case is HTTPParserError:
            self.init(.malformed, "\(endpoint) does not speak HTTP as it should.")
        default:
            self.init(
                hadHead ? .truncated : .unreachable,
                hadHead
                    ? "\(endpoint) broke off its answer: \(words.clean(Self.reason(error)))."
                    : "\(endpoint) cannot be reached: \(words.clean(Self.reason(error))).")
        }
    }

    private static func of(_ error: HTTPClientError, endpoint: String, hadHead: Bool) -> ModelError {
        switch error {
        case .connectTimeout, .getConnectionFromPoolTimeout, .tlsHandshakeTimeout, .deadlineExceeded:
            ModelError(.timeout, "\(endpoint) accepted no connection in time.")
        case .readTimeout, .writeTimeout:
            ModelError(.timeout, "\(endpoint) stopped answering.")
        case .alreadyShutdown:
            ModelError(.overloaded, "Parley is shutting down.")
        case .remoteConnectionClosed, .uncleanShutdown, .bodyLengthMismatch:
            hadHead
                ? ModelError(.truncated, "\(endpoint) broke off its answer.")
                : ModelError(.unreachable, "\(endpoint) closed the connection without an answer.")
        default:
            ModelError(hadHead ? .truncated : .unreachable, "\(endpoint) cannot be asked: \(error).")
        }
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { Self.reason($0.error) } ?? "its name is not known"
        case let error as IOError:
            error.errnoCode == ECONNREFUSED ? "nothing listens there" : error.description
        default:
            String(describing: error)
        }
    }
}
