//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Synchronization

/// A model whose every answer is a list of steps that the test wrote; each call takes the next list.
final class StagedModel: ChatModel {
    enum Step: Sendable {
        case say(String)
        case cite([Citation])
        case fail(ModelError)
        case end(FinishReason)
        /// Waits until the test opens the gate.
        case wait(Gate)
        /// Waits to be cancelled.
        case hang
    }

    private let scripts: Mutex<[[Step]]>
    private let asked = Mutex<[ChatRequest]>([])
    private let continuesAnswers: Bool

    init(_ scripts: [Step]..., continuesAnswers: Bool = false) {
        self.scripts = Mutex(scripts)
        self.continuesAnswers = continuesAnswers
    }

    var requests: [ChatRequest] { self.asked.withLock { $0 } }

    func models() async -> [ModelInfo] {
        [ModelInfo(name: "staged", continuesAnswers: self.continuesAnswers)]
    }

    func answer(
        _ request: ChatRequest, receive: (ModelEvent) async throws -> Void
    ) async throws -> ModelCompletion {
        self.asked.withLock { $0.append(request) }
        let steps = self.scripts.withLock { $0.isEmpty ? [] : $0.removeFirst() }
        try await receive(.started(model: request.model ?? "staged"))
        for step in steps {
            switch step {
            case .say(let text): try await receive(.delta(text))
            case .cite(let sources): try await receive(.sources(sources))
            case .fail(let error): throw error
            case .end(let reason): return ModelCompletion(finishReason: reason)
            case .wait(let gate): await gate.wait()
            case .hang: try await Task.sleep(for: .seconds(3600))
            }
        }
        return ModelCompletion(finishReason: .stop)
    }
}

/// Opened once; everybody who waits goes on. Who is cancelled goes on alone.
final class Gate: Sendable {
    private struct State: Sendable {
        var isOpen = false
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var next: UInt64 = 0
    }

    private let state = Mutex(State())

    func wait() async {
        let id = self.state.withLock { state in
            state.next += 1
            return state.next
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustWait = self.state.withLock { state in
                    guard !state.isOpen, !Task.isCancelled else { return false }
                    state.waiters[id] = continuation
                    return true
                }
                if !mustWait { continuation.resume() }
            }
        } onCancel: {
            self.state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }

    func open() {
        let waiters = self.state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [:] }
            return state.waiters.values
        }
        for waiter in waiters { waiter.resume() }
    }
}
