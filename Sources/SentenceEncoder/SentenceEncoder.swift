//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import CSentenceEncoder
import Synchronization

/// A sentence encoder of the BERT family on the CPU: texts become vectors of length one whose inner product tells how
/// close their meanings are.
///
/// Knows the files of sentence-transformers (`model.safetensors`, `vocab.txt`, `config.json`,
/// `sentence_bert_config.json`) for uncased BERT with mean pooling, such as all-MiniLM-L6-v2. The weights are read-only
/// and shared by everybody who uses this object; ``EncodingQueue`` is the door for concurrent callers.
public final class SentenceEncoder: Sendable {
    /// Splits texts as the model does; counts tokens.
    public let tokenizer: WordPieceTokenizer
    /// Numbers in one vector.
    public let dimension: Int
    /// The longest text, in tokens, `[CLS]` and `[SEP]` among them; more is cut.
    public let maximumTokens: Int
    /// Threads that work on one batch.
    public let threads: Int
    /// What computes: `avx2`, or `portable` where the processor has no AVX2 and FMA.
    public let kernels: String

    /// Never changed after `init`, so any thread may read it. It reads the embeddings in `file`.
    nonisolated(unsafe) let model: OpaquePointer
    private let file: MappedFile
    private let engine = Mutex<EncoderEngine?>(nil)

    /// Loads a model; takes some tens of milliseconds.
    ///
    /// - Parameters:
    ///   - folder: where the model's files are.
    ///   - threads: how many threads work on one batch, the caller's among them; bounded by ``EncoderLimits/threads``.
    /// - Throws: ``SentenceEncoderError``.
    public convenience init(folder: String, threads: Int = 2) throws(SentenceEncoderError) {
        try self.init(folder: folder, threads: threads, portable: false)
    }

    /// - Parameter portable: whether the kernels for any processor are taken though this one has better.
    init(folder: String, threads: Int, portable: Bool) throws(SentenceEncoderError) {
        let configuration = try EncoderConfiguration(folder: folder)
        let vocabulary = try MappedFile(path: folder + "/vocab.txt")
        let tokenizer = try WordPieceTokenizer(vocabulary: vocabulary.bytes)
        guard tokenizer.pieces <= configuration.vocabulary else {
            throw SentenceEncoderError(
                .damaged, "the vocabulary has \(tokenizer.pieces) pieces, the model \(configuration.vocabulary)")
        }
        let file = try MappedFile(path: folder + "/model.safetensors")
        let weights = try EncoderWeights(file, configuration)
        guard let model = weights.pack(portable: portable) else {
            throw SentenceEncoderError(.unsupported, "the model's measures are not understood, or memory lacks")
        }
        self.model = model
        self.file = file
        self.tokenizer = tokenizer
        self.dimension = configuration.width
        self.maximumTokens = configuration.longestText
        self.threads = min(max(1, threads), EncoderLimits.threads)
        self.kernels = String(cString: pse_model_kernels(model))
    }

    deinit {
        pse_model_destroy(self.model)
    }

    /// Encodes texts on the calling thread and its helpers; one call at a time, others wait. For tools and tests: a
    /// server uses ``EncodingQueue``.
    ///
    /// - Returns: a vector of ``dimension`` numbers for each text, in order.
    /// - Throws: ``SentenceEncoderError``.
    public func encode(_ texts: [String]) throws(SentenceEncoderError) -> [[Float]] {
        do {
            return try self.engine.withLock { engine in
                let ready = try engine ?? EncoderEngine(self)
                engine = ready
                return try Self.encode(texts, tokenizer: self.tokenizer, longest: self.maximumTokens, engine: ready)
            }
        } catch let error as SentenceEncoderError {
            throw error
        } catch {
            throw SentenceEncoderError(.unsupported, "\(error)")
        }
    }

    private static func encode(
        _ texts: [String], tokenizer: WordPieceTokenizer, longest: Int, engine: EncoderEngine
    ) throws -> [[Float]] {
        var vectors: [[Float]] = []
        vectors.reserveCapacity(texts.count)
        var batch: [[Int32]] = []
        var tokens = 0
        for text in texts {
            let ids = tokenizer.ids(of: text, longest: longest)
            if tokens + ids.count > EncoderLimits.batchTokens {
                vectors += try engine.encode(batch)
                batch = []
                tokens = 0
            }
            batch.append(ids)
            tokens += ids.count
        }
        return try vectors + engine.encode(batch)
    }
}
