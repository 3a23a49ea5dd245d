//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import Logging
public import ParleyCore
public import ServiceLifecycle

/// Removes for good what has had its time: deleted and temporary conversations, ended sessions.
public struct Housekeeping: Service {
    private let conversations: any ConversationStore
    private let sessions: any SessionStore
    private let logger: Logger

    public init(
        conversations: any ConversationStore, sessions: any SessionStore, logger: Logger
    ) {
        self.conversations = conversations
        self.sessions = sessions
        self.logger = logger
    }

    public func run() async throws {
        repeat {
            await self.tidy(now: .now())
        } while (try? await Task.sleep(for: ChatLimits.housekeepingInterval)) != nil
    }

    /// One round.
    func tidy(now: Timestamp) async {
        do {
            let gone = try await self.conversations.purge(
                deletedBefore: now.advanced(by: .zero - CoreLimits.deletedConversationLife),
                temporaryBefore: now.advanced(by: .zero - CoreLimits.temporaryConversationLife))
            if gone > 0 {
                self.logger.info("conversations removed", metadata: ["count": "\(gone)"])
            }
            try await self.sessions.purgeSessions(now: now)
        } catch {
            self.logger.warning("housekeeping failed", metadata: ["error": "\(error)"])
        }
    }
}
