//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
extension ChatModel {
    /// A short answer as a whole, for what no reader watches, such as a title.
    ///
    /// - Parameter maximumBytes: text beyond it is dropped.
    /// - Throws: `ModelError`; `CancellationError`.
    public func text(answering request: ChatRequest, maximumBytes: Int = 16 * 1024) async throws -> String {
        var text = ""
        _ = try await self.answer(request) { event in
            guard case .delta(let more) = event, text.utf8.count < maximumBytes else { return }
            text += more
        }
        return text.cut(toBytes: maximumBytes)
    }
}
