//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

extension EmbedderError {
    /// What a model server's failure means to the one who wants vectors.
    init(_ error: ModelError) {
        let code: Code =
            switch error.code {
            case .unreachable: .unreachable
            case .timeout: .timeout
            case .truncated, .malformed: .malformed
            case .rateLimited: .rateLimited
            case .unauthorized: .unauthorized
            case .refused, .tooLong: .refused
            case .serverError: .unavailable
            case .overloaded: .overloaded
            }
        self.init(code, error.message, retryAfter: error.retryAfter)
    }
}
