//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import Synchronization

/// What the connections of a scripted server share: the scripts to play, the answers made, and what happened.
final class Playbook: Sendable {
    struct State {
        var script: ModelScript
        var queued: [ModelScript] = []
        var models = ["scripted", "scripted-echo", "scripted-ttft50-itl20-len100"]
        var modelsScript: ModelScript?
        var requests: [ScriptedModelServer.Request] = []
        var requestCount = 0
        var modelRequestCount = 0
        var cancelled = 0
        var completed = 0
        var connections = 0
        var open: [ObjectIdentifier: any Channel] = [:]
    }

    private struct Waiter {
        var isMet: @Sendable (borrowing State) -> Bool
        var continuation: CheckedContinuation<Void, Never>
    }

    private struct Shared {
        var state: State
        var answers: [ScriptedAnswer.Key: ScriptedAnswer] = [:]
        var waiters: [Int: Waiter] = [:]
        var cancelledWaits: Set<Int> = []
        var nextWait = 0
    }

    /// How many made answers are kept.
    private static let keptAnswers = 256

    private let shared: Mutex<Shared>
    private let records: Bool
    private let text: String?

    init(script: ModelScript, text: String?, records: Bool) {
        self.shared = Mutex(Shared(state: State(script: script)))
        self.text = text
        self.records = records
    }

    /// Reads a part of the state.
    func read<Value: Sendable>(_ read: (borrowing State) -> Value) -> Value {
        self.shared.withLock { read($0.state) }
    }

    /// Changes the state and wakes who waited for it.
    func change(_ change: (inout State) -> Void) {
        let woken = self.shared.withLock { shared in
            change(&shared.state)
            let met = shared.waiters.filter { $0.value.isMet(shared.state) }
            for number in met.keys { shared.waiters[number] = nil }
            return met.values.map(\.continuation)
        }
        for waiter in woken { waiter.resume() }
    }

    /// Waits until the state is as asked, or the task is cancelled.
    func wait(until isMet: @escaping @Sendable (borrowing State) -> Bool) async {
        let number = self.shared.withLock { shared in
            shared.nextWait += 1
            return shared.nextWait
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let goesOn = self.shared.withLock { shared in
                    if shared.cancelledWaits.remove(number) != nil || isMet(shared.state) { return true }
                    shared.waiters[number] = Waiter(isMet: isMet, continuation: continuation)
                    return false
                }
                if goesOn { continuation.resume() }
            }
        } onCancel: {
            let waiter = self.shared.withLock { shared in
                let waiter = shared.waiters.removeValue(forKey: number)
                if waiter == nil { shared.cancelledWaits.insert(number) }
                return waiter
            }
            waiter?.continuation.resume()
        }
    }

    // MARK: What a connection asks

    func opened(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        self.change {
            $0.connections += 1
            $0.open[id] = channel
        }
        channel.closeFuture.whenComplete { _ in self.change { $0.open[id] = nil } }
    }

    /// Notes a request.
    func note(_ request: () -> ScriptedModelServer.Request, isCompletion: Bool) {
        let request = self.records ? request() : nil
        self.change { state in
            if isCompletion { state.requestCount += 1 } else { state.modelRequestCount += 1 }
            guard let request else { return }
            if state.requests.count >= ScriptedModelServer.keptRequests { state.requests.removeFirst() }
            state.requests.append(request)
        }
    }

    /// The script for a request; `nil` when its model's name begins as a script's and is none.
    func script(forModel model: String) -> ModelScript? {
        self.shared.withLock { shared in
            if !shared.state.queued.isEmpty { return shared.state.queued.removeFirst() }
            if model.hasPrefix("scripted-") { return ModelScript(modelName: model, text: self.text) }
            return shared.state.script
        }
    }

    /// The bytes of an answer, made once.
    func answer(_ key: ScriptedAnswer.Key) -> ScriptedAnswer {
        if let answer = self.shared.withLock({ $0.answers[key] }) { return answer }
        let answer = ScriptedAnswer(key)
        self.shared.withLock { shared in
            if shared.answers.count >= Self.keptAnswers { shared.answers.removeAll() }
            shared.answers[key] = answer
        }
        return answer
    }
}
