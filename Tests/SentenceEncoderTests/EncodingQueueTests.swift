//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Testing

@testable import SentenceEncoder

@Suite("The encoder's queue", .needsWeights, .timeLimit(.minutes(1)))
struct EncodingQueueTests {
    private static let passage = String(repeating: "a passage about many things ", count: 40)

    @Test("concurrent requests get their own vectors")
    func concurrent() async throws {
        let encoder = try Model.shared.get()
        let queue = EncodingQueue(encoder)
        try await withThrowingTaskGroup(of: (Int, [[Float]]).self) { group in
            for number in 0..<8 {
                group.addTask {
                    let texts = (0...number).map { "request \(number) text \($0)" }
                    return (number, try await queue.encode(texts, priority: number % 2 == 0 ? .urgent : .bulk))
                }
            }
            for try await (number, vectors) in group {
                let expected = try encoder.encode((0...number).map { "request \(number) text \($0)" })
                #expect(vectors.count == number + 1)
                for (vector, other) in zip(vectors, expected) { #expect(cosine(vector, other) > 0.99999) }
            }
        }
        #expect(try await queue.encode([], priority: .bulk) == [])
    }

    @Test("a question does not wait for a long document")
    func priority() async throws {
        let queue = EncodingQueue(try Model.shared.get())
        let first = await withTaskGroup(of: String.self) { group in
            group.addTask {
                _ = try? await queue.encode([String](repeating: Self.passage, count: 400), priority: .bulk)
                return "document"
            }
            group.addTask {
                for _ in 0..<3 {
                    let vectors = try? await queue.encode(["a question"], priority: .urgent)
                    #expect(vectors?.count == 1)
                }
                return "questions"
            }
            let ended = await group.next()
            group.cancelAll()
            return ended
        }
        #expect(first == "questions")
    }

    @Test("a cancelled request ends at once and makes room")
    func cancellation() async throws {
        let queue = EncodingQueue(try Model.shared.get(), waitingRequests: 1)
        let error = await withTaskGroup(of: SentenceEncoderError?.self) { group in
            group.addTask {
                while true {
                    do throws(SentenceEncoderError) {
                        _ = try await queue.encode([String](repeating: Self.passage, count: 4000), priority: .bulk)
                        return nil
                    } catch {
                        // The short request below may have the only place.
                        if error.code != .overloaded { return error }
                    }
                }
            }
            // The queue is full as soon as the request is in it.
            while true {
                do throws(SentenceEncoderError) {
                    _ = try await queue.encode(["x"], priority: .urgent)
                } catch {
                    #expect(error.code == .overloaded)
                    break
                }
            }
            group.cancelAll()
            return await group.next() ?? nil
        }
        #expect(error?.code == .cancelled)
        #expect(try await queue.encode(["after"], priority: .urgent).count == 1)
    }
}
