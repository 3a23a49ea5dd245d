//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import Metrics
import ParleyCore

/// Makes one answer: runs attempts under a lease until the turn has ended or belongs to somebody else.
struct TurnRunner: Sendable {
    /// How an attempt, or the whole run, came to its end.
    enum Outcome: Sendable, Equatable {
        /// The terminal event is in the database and in the log.
        case finished
        /// Another node owns the turn.
        case fenced
        /// It could not go on here; the lease is given back and whoever takes over counts a new attempt.
        case abandoned
        /// This node must leave the turn to others.
        case handedOver
        /// A failure that a new attempt may mend.
        case again
    }

    /// What is known of a turn when its run ends, for what is done afterwards.
    struct Report: Sendable {
        /// The model that was asked for, or `nil` for the default.
        var model: String?
        /// Whether messages were left out of the prompt that no summary covers.
        var needsSummary = false
        /// What the user wrote, to look for facts in; `nil` when the conversation leaves nothing behind.
        var words: String?
        /// Whether the run ended the turn.
        var isFinished = false
    }

    let dependencies: TurnEngine.Dependencies
    let assembler: ContextAssembler
    let inbox: TurnInbox
    let snapshots: SnapshotWriter
    let logger: Logger

    private var keeper: LeaseKeeper {
        LeaseKeeper(store: self.dependencies.store, leases: self.dependencies.leases)
    }

    /// Runs the turn. `lease` may be followed by others; `leaseChanged` is told of each, and of `nil` before one is
    /// given back that is not the last.
    func run(_ turn: Turn, lease: Lease, leaseChanged: (Lease?) -> Void) async -> Report {
        var turn = turn
        var lease = lease
        var report = Report()
        while true {
            let outcome = await self.attempt(turn, lease: lease, report: &report)
            report.isFinished = outcome == .finished
            switch outcome {
            case .finished, .fenced, .abandoned:
                try? await self.dependencies.leases.release(lease)
                return report
            case .handedOver:
                await self.dependencies.leaveToOthers(lease)
                return report
            case .again:
                leaseChanged(nil)
                try? await self.dependencies.leases.release(lease)
                guard let next = await self.nextAttempt(of: turn, after: lease) else { return report }
                (turn, lease) = next
                leaseChanged(lease)
            }
        }
    }

    private func nextAttempt(of turn: Turn, after lease: Lease) async -> (Turn, Lease)? {
        let delay = ChatLimits.restartDelay * Double.random(in: 0.1...1)
        guard (try? await Task.sleep(for: delay)) != nil,
            let next = try? await self.dependencies.leases.acquire(
                turn: turn.id, node: lease.node, afterEpoch: lease.epoch),
            let claimed = try? await self.dependencies.store.claim(turn.id, epoch: next.epoch)
        else { return nil }
        return (claimed, next)
    }

    private func attempt(_ turn: Turn, lease: Lease, report: inout Report) async -> Outcome {
        do {
            let known = try await self.known(of: turn)
            guard let asked = try await self.asked(by: turn) else {
                var attempt = known.attempt(epoch: lease.epoch, continuing: true)
                return try await self.finish(&attempt, turn: turn, lease: lease, as: .stopped)
            }
            report.model = turn.model ?? asked.conversation.model
            report.words = asked.conversation.temporary ? nil : asked.branch.last?.content
            let continues = known.text.isEmpty ? false : await self.continues(report.model)
            var attempt = known.attempt(epoch: lease.epoch, continuing: continues)
            guard try await self.open(&attempt, model: known.model ?? report.model, turn: turn, lease: lease) else {
                var whole = known.attempt(epoch: lease.epoch, continuing: true)
                return try await self.finish(
                    &whole, turn: turn, lease: lease, as: .completed(reason: .length, usage: nil))
            }
            if turn.stopRequested {
                return try await self.finish(&attempt, turn: turn, lease: lease, as: .stopped)
            }
            guard turn.attempts <= CoreLimits.turnAttempts else {
                let failure = TurnFailure(
                    code: "interrupted",
                    message: "The answer was interrupted \(CoreLimits.turnAttempts) times. Its text so far is kept.",
                    retryable: true)
                return try await self.finish(&attempt, turn: turn, lease: lease, as: .failed(failure))
            }
            let question = Question(
                turn: turn, conversation: asked.conversation, branch: asked.branch, model: report.model,
                kept: known.sources, continuing: attempt.isContinuing ? known.text : nil)
            return try await self.perform(question, attempt: &attempt, lease: lease, report: &report)
        } catch {
            if (error as? ClusterError)?.code == .fenced { return .fenced }
            self.logger.error("turn could not go on", metadata: ["error": "\(error)"])
            return .abandoned
        }
    }

    /// Says at once, before the prompt is put together, that the answer goes on here.
    ///
    /// - Returns: false when the log is full.
    private func open(
        _ attempt: inout TurnAttempt, model: String?, turn: Turn, lease: Lease
    ) async throws(ClusterError) -> Bool {
        do {
            try await self.tell(attempt.opening(model: model ?? ""), firstSequence: 1, turn: turn, lease: lease)
            return true
        } catch {
            guard error.code == .full else { throw error }
            return false
        }
    }

    /// What an earlier epoch came to.
    private struct Known: Sendable {
        var text = ""
        var sources: [Citation] = []
        var model: String?

        func attempt(epoch: Int, continuing: Bool) -> TurnAttempt {
            TurnAttempt(epoch: epoch, base: self.text, continuing: continuing, sources: self.sources)
        }
    }

    /// From the log, or from the last snapshot when the log is lost or has lost its end.
    private func known(of turn: Turn) async throws -> Known {
        guard turn.attempts > 1 || turn.epoch > 1 else { return Known() }
        var reader = ReaderPosition()
        var known = Known()
        while true {
            let page = try await self.dependencies.log.read(
                turn: turn.id, after: reader.last, limit: ChatLimits.eventsPerRead)
            for event in page.events {
                guard reader.apply(event) == .applied else { return try await self.stored(turn, model: known.model) }
                switch event.kind {
                case .started(let model): known.model = model
                case .sources(let found): known.sources = found
                case .delta, .replace, .completed, .stopped, .failed: break
                }
            }
            guard page.events.isEmpty else { continue }
            known.text = reader.text
            if reader.last == .start || turn.text.goesOn(from: known.text) {
                return try await self.stored(turn, model: known.model)
            }
            return known
        }
    }

    private func stored(_ turn: Turn, model: String?) async throws -> Known {
        do {
            let message = try await self.dependencies.conversations.message(
                turn.assistantMessageID, owner: turn.ownerID)
            return Known(text: turn.text, sources: message.sources, model: model)
        } catch {
            guard error.code == .notFound else { throw error }
            return Known(text: turn.text, model: model)
        }
    }

    /// What the model is asked about, or `nil` when the conversation has been deleted meanwhile.
    private func asked(by turn: Turn) async throws -> (conversation: Conversation, branch: [Message])? {
        let store = self.dependencies.conversations
        do {
            let conversation = try await store.conversation(turn.conversationID, owner: turn.ownerID)
            let branch = try await store.ancestors(
                of: turn.userMessageID, owner: turn.ownerID, limit: ChatLimits.contextMessages)
            return (conversation, branch)
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }

    private func continues(_ model: String?) async -> Bool {
        let models = await self.dependencies.model.models()
        let info = models.first { $0.name == model } ?? (model == nil ? models.first : nil)
        return info?.continuesAnswers ?? false
    }

    /// All that one attempt asks with.
    private struct Question: Sendable {
        var turn: Turn
        var conversation: Conversation
        var branch: [Message]
        var model: String?
        var kept: [Citation]
        var continuing: String?
    }

    private func perform(
        _ question: Question, attempt: inout TurnAttempt, lease: Lease, report: inout Report
    ) async throws -> Outcome {
        var written = attempt
        let ended: (outcome: Result<Outcome, any Error>, needsSummary: Bool) = await withTaskGroup(of: Bool.self) {
            group in
            group.addTask { await self.pump(question) }
            let outcome: Result<Outcome, any Error>
            do {
                outcome = .success(try await self.write(&written, turn: question.turn, lease: lease))
            } catch {
                outcome = .failure(error)
            }
            group.cancelAll()
            return (outcome, await group.next() ?? false)
        }
        attempt = written
        report.needsSummary = ended.needsSummary
        return try ended.outcome.get()
    }

    /// Puts the prompt together and carries what the model says into the inbox.
    ///
    /// - Returns: whether the prompt needs a summary that is not there.
    private func pump(_ question: Question) async -> Bool {
        let plan = await self.assembler.assemble(
            turn: question.turn, conversation: question.conversation, branch: question.branch, kept: question.kept,
            logger: self.logger)
        var request = plan.request(model: question.model)
        request.continuing = question.continuing
        // Passages are told of once the model has begun, and before its first word; kept ones are known already.
        var untold = question.kept.isEmpty ? plan.passages : []
        do {
            let completion = try await self.dependencies.model.answer(request) { event in
                switch event {
                case .started: break
                case .sources: untold = []
                case .delta:
                    if !untold.isEmpty { try await self.inbox.put(.sources(untold)) }
                    untold = []
                }
                try await self.inbox.put(event)
            }
            if !untold.isEmpty { try await self.inbox.put(.sources(untold)) }
            self.inbox.end(.success(completion))
            self.learn(from: completion, plan: plan, question: question)
        } catch {
            self.inbox.end(.failure(error))
        }
        return plan.needsSummary
    }

    private func learn(from completion: ModelCompletion, plan: ContextPlan, question: Question) {
        guard let usage = completion.usage else { return }
        let beginning = question.continuing.map { TokenEstimate().tokens(inMessage: $0) } ?? 0
        self.assembler.calibration.observe(
            model: question.model, estimated: plan.plainTokens + beginning, reported: usage.promptTokens)
    }

    /// Writes what lies in the inbox to the log, until the attempt has ended.
    private func write(_ attempt: inout TurnAttempt, turn: Turn, lease: Lease) async throws -> Outcome {
        let clock = ContinuousClock()
        var snapshotDue = clock.now.advanced(by: ChatLimits.snapshotInterval)
        while true {
            let batch = await self.inbox.take()
            guard !batch.isEmpty else { return .handedOver }
            if batch.command == .fenced { return .fenced }
            do {
                try await self.append(batch, to: &attempt, turn: turn, lease: lease)
            } catch {
                guard error.code == .full else { throw error }
                return try await self.finish(
                    &attempt, turn: turn, lease: lease, as: .completed(reason: .length, usage: nil))
            }
            if batch.command == .stop {
                return try await self.finish(&attempt, turn: turn, lease: lease, as: .stopped)
            }
            if let outcome = batch.outcome {
                return try await self.ended(outcome, attempt: &attempt, turn: turn, lease: lease)
            }
            if clock.now >= snapshotDue || batch.command == .handOver {
                self.snapshots.offer(Self.snapshot(of: attempt, turn: turn))
                snapshotDue = clock.now.advanced(by: ChatLimits.snapshotInterval)
            }
            if batch.command == .handOver {
                await self.snapshots.flush()
                return .handedOver
            }
            if !batch.text.isEmpty, !self.inbox.isUrgent {
                try? await Task.sleep(for: ChatLimits.coalescing)
            }
        }
    }

    private func append(
        _ batch: TurnInbox.Batch, to attempt: inout TurnAttempt, turn: Turn, lease: Lease
    ) async throws(ClusterError) {
        let first = attempt.nextSequence
        var kinds: [TurnEvent.Kind] = []
        if let model = batch.started {
            kinds += attempt.started(model: model)
        }
        if let sources = batch.sources {
            kinds += attempt.found(sources)
        }
        kinds += attempt.delta(batch.text)
        try await self.tell(kinds, firstSequence: first, turn: turn, lease: lease)
    }

    /// Appends to the log. A shared store that was emptied is told again of the lease, if it is still ours.
    ///
    /// - Parameter hasEnded: the events tell of an end that is in the database already.
    private func tell(
        _ kinds: [TurnEvent.Kind], firstSequence: Int, turn: Turn, lease: Lease, hasEnded: Bool = false
    ) async throws(ClusterError) {
        guard !kinds.isEmpty else { return }
        for _ in 0..<ChatLimits.restoresPerAppend {
            do {
                return try await self.dependencies.log.append(kinds, firstSequence: firstSequence, lease: lease)
            } catch {
                guard error.code == .lost else { throw error }
            }
            switch await self.keeper.restore(lease, owner: turn.ownerID, hasEnded: hasEnded) {
            case .ours(let stopRequested):
                self.logger.notice("lease told again to an emptied store", metadata: ["epoch": "\(lease.epoch)"])
                if stopRequested { self.inbox.command(.stop) }
            case .notOurs: throw ClusterError(.fenced, "the database knows a later epoch than \(lease.epoch)")
            // The log keeps the events on this node and sends them when the lease is restored.
            case .unknown: return
            }
        }
    }

    private func ended(
        _ outcome: Result<ModelCompletion, any Error>, attempt: inout TurnAttempt, turn: Turn, lease: Lease
    ) async throws -> Outcome {
        switch outcome {
        case .success(let completion):
            let finish = TurnFinish.completed(reason: completion.finishReason, usage: completion.usage)
            return try await self.finish(&attempt, turn: turn, lease: lease, as: finish)
        case .failure(let error as ModelError):
            if error.isRetryable, attempt.hasDelta, turn.attempts < CoreLimits.turnAttempts {
                self.logger.notice("answer begun again", metadata: ["error": "\(error.code.rawValue)"])
                return .again
            }
            let failure = TurnFailure(
                code: error.code.rawValue, message: error.message, retryable: error.isRetryable)
            return try await self.finish(&attempt, turn: turn, lease: lease, as: .failed(failure))
        case .failure(is CancellationError):
            return .handedOver
        case .failure(let error):
            self.logger.error("model failed", metadata: ["error": "\(error)"])
            let failure = TurnFailure(
                code: "internal", message: "Something went wrong while the answer was made.", retryable: true)
            return try await self.finish(&attempt, turn: turn, lease: lease, as: .failed(failure))
        }
    }

    private static func snapshot(of attempt: TurnAttempt, turn: Turn) -> TurnSnapshot {
        TurnSnapshot(
            turnID: turn.id, epoch: attempt.epoch, sequence: attempt.nextSequence - 1, text: attempt.text,
            sources: attempt.sources)
    }
}

// MARK: The end

extension TurnRunner {
    /// Commits the end to the database, then tells the readers.
    private func finish(
        _ attempt: inout TurnAttempt, turn: Turn, lease: Lease, as finish: TurnFinish
    ) async throws -> Outcome {
        let first = attempt.nextSequence
        var kinds: [TurnEvent.Kind] = attempt.model == nil ? attempt.started(model: turn.model ?? "") : []
        if case .completed = finish {
            kinds += attempt.completing()
        }
        do {
            try await self.tell(kinds, firstSequence: first, turn: turn, lease: lease)
        } catch {
            // A full log lacks what the database then tells.
            guard error.code == .full else { throw error }
        }
        let sequence = attempt.terminalSequence()
        let result = TurnResult(
            snapshot: Self.snapshot(of: attempt, turn: turn), finish: finish,
            model: attempt.model.flatMap { $0.isEmpty ? nil : $0 }, at: .now())
        guard try await self.commit(result) else { return .fenced }
        let terminal = attempt.terminal(finish, messageID: turn.assistantMessageID)
        try? await self.tell([terminal], firstSequence: sequence, turn: turn, lease: lease, hasEnded: true)
        Counter(label: "parley_turns", dimensions: [("state", finish.state.rawValue)]).increment()
        Metrics.Timer(label: "parley_turn_duration", dimensions: [("state", finish.state.rawValue)])
            .recordMilliseconds(max(0, Timestamp.now().milliseconds - turn.createdAt.milliseconds))
        return .finished
    }

    /// Writes the end; while the database refuses for want of room or is away, the text stays in the log and the
    /// write is tried again.
    private func commit(_ result: TurnResult) async throws -> Bool {
        let clock = ContinuousClock()
        let deadline = clock.now.advanced(by: ChatLimits.finishPatience)
        while true {
            do {
                return try await self.dependencies.store.finish(result)
            } catch {
                guard error.isRetryable, clock.now < deadline else { throw error }
                self.logger.warning("end of answer not written yet", metadata: ["error": "\(error)"])
                try await Task.sleep(for: ChatLimits.finishRetryInterval)
            }
        }
    }
}

extension TurnEngine.Dependencies {
    /// Puts a turn that cannot go on here back into the queue and tells the other nodes, so that one of them takes it
    /// without waiting for the lease to run out.
    func leaveToOthers(_ lease: Lease) async {
        try? await self.store.handBack(lease.turnID, epoch: lease.epoch)
        try? await self.leases.release(lease)
        try? await self.commands.announceFree(lease.turnID)
    }
}

extension String {
    /// Whether this text begins with the other and says more.
    fileprivate func goesOn(from other: String) -> Bool {
        self.utf8.count > other.utf8.count && self.utf8.starts(with: other.utf8)
    }
}
