//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import CSentenceEncoder

/// Threads and memory that encode one batch after another. For one thread at a time.
final class EncoderEngine {
    private let team: OpaquePointer
    private let session: OpaquePointer
    private let urgentSession: OpaquePointer
    private let dimension: Int

    /// - Parameter encoder: must outlive the engine's work; it is not retained, because it may own the engine.
    /// - Throws: `.outOfMemory`.
    init(_ encoder: SentenceEncoder) throws(SentenceEncoderError) {
        let tokens = Int32(max(EncoderLimits.batchTokens, encoder.maximumTokens))
        let urgent = Int32(max(EncoderLimits.urgentBatchTokens, encoder.maximumTokens))
        guard let team = pse_team_create(Int32(encoder.threads)) else { throw Self.outOfMemory }
        guard let session = pse_session_create(encoder.model, team, tokens) else {
            pse_team_destroy(team)
            throw Self.outOfMemory
        }
        guard let urgentSession = pse_session_create(encoder.model, team, urgent) else {
            pse_session_destroy(session)
            pse_team_destroy(team)
            throw Self.outOfMemory
        }
        self.team = team
        self.session = session
        self.urgentSession = urgentSession
        self.dimension = encoder.dimension
    }

    deinit {
        pse_session_destroy(self.session)
        pse_session_destroy(self.urgentSession)
        pse_team_destroy(self.team)
    }

    private static var outOfMemory: SentenceEncoderError {
        SentenceEncoderError(.outOfMemory, "there is not enough memory to encode texts")
    }

    /// Encodes one batch.
    ///
    /// - Parameters:
    ///   - texts: the tokens of each; together at most the batch's limit.
    ///   - urgent: takes the memory for urgent work, so that it can run between two layers of a batch that is not.
    ///   - between: called between layers; `false` ends the batch.
    /// - Throws: ``SentenceEncoderError``; `.cancelled` when `between` ended the batch.
    func encode(
        _ texts: [[Int32]], urgent: Bool = false, between: (() -> Bool)? = nil
    ) throws(SentenceEncoderError) -> [[Float]] {
        guard !texts.isEmpty else { return [] }
        let ids = Array(texts.joined())
        let lengths = texts.map { Int32($0.count) }
        var vectors = [Float](repeating: 0, count: texts.count * self.dimension)
        let session = urgent ? self.urgentSession : self.session
        let status: Int32
        if let between {
            status = withoutActuallyEscaping(between) { between in
                let box = Between(body: between)
                return withExtendedLifetime(box) {
                    pse_encode(
                        session, ids, lengths, Int32(texts.count), &vectors,
                        { context in
                            // The box lives until the call returns.
                            context.map { Unmanaged<Between>.fromOpaque($0).takeUnretainedValue().body() } ?? true
                        }, Unmanaged.passUnretained(box).toOpaque())
                }
            }
        } else {
            status = pse_encode(session, ids, lengths, Int32(texts.count), &vectors, nil, nil)
        }
        switch status {
        case Int32(PSE_OK): break
        case Int32(PSE_STOPPED): throw SentenceEncoderError(.cancelled, "the texts are no longer wanted")
        case Int32(PSE_NOT_FINITE): throw SentenceEncoderError(.damaged, "the weights make numbers that are none")
        default: throw SentenceEncoderError(.unsupported, "the texts do not fit the model")
        }
        let dimension = self.dimension
        return texts.indices.map { Array(vectors[$0 * dimension..<($0 + 1) * dimension]) }
    }

    private final class Between {
        let body: () -> Bool
        init(body: @escaping () -> Bool) { self.body = body }
    }
}
