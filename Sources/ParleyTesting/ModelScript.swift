//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// What the scripted model server does with one request.
public struct ModelScript: Hashable, Sendable {
    public enum LineEnd: String, Hashable, Sendable {
        case lf = "\n"
        case crlf = "\r\n"
        case cr = "\r"
    }

    public enum Fault: Hashable, Sendable {
        /// Closes the connection after so many deltas: no finish reason, no `[DONE]`, no end of the body.
        case cut(after: Int)
        /// As `cut`, with a TCP reset.
        case reset(after: Int)
        /// Ends the body properly after so many deltas, without finish reason and `[DONE]`.
        case end(after: Int)
        /// Takes the request and never answers.
        case hangBeforeHead
        /// Sends the head and nothing more, or so many deltas and nothing more.
        case hang(after: Int)
        /// Closes the connection instead of answering.
        case closeBeforeHead
        /// Sends a chunk that is not JSON after so many deltas.
        case badJSON(after: Int)
        /// Sends an error object as an event after so many deltas.
        case errorEvent(after: Int)
        /// 307 to another path of this server.
        case redirect
        /// Speaks no HTTP.
        case garbage
    }

    /// What is wrong with an answer to `/v1/embeddings`.
    public enum EmbeddingFault: Hashable, Sendable, CaseIterable {
        /// Vectors of one number more.
        case wrongDimension
        /// All but the first have one number more.
        case unevenDimensions
        /// The last vector is missing.
        case shortList
        /// In reverse order, rightly numbered: no fault of the client's to take.
        case shuffled
        /// All have one number.
        case sameIndex
        /// Vectors without a direction.
        case zeros
        /// The answer breaks off.
        case noJSON
    }

    /// From the request to the first delta.
    public var firstTokenMs = 0
    /// From one delta to the next. At 0 the whole answer is written at once.
    public var paceMs = 0
    /// Deltas of the built-in words.
    public var deltas = 20
    /// The answer, instead of the built-in words; it is cut into words.
    public var text: String?
    /// The answer is the last user message.
    public var echoes = false
    public var lineEnd = LineEnd.lf
    /// The body is written in pieces of so many bytes.
    public var fragmentBytes: Int?
    public var sendsByteOrderMark = false
    /// Comments between the deltas.
    public var sendsComments = false
    public var sendsFinishReason = true
    public var finishReason = "stop"
    public var sendsDone = true
    /// The usage chunk, where the request asks for it.
    public var sendsUsage = true
    /// Keeps the response open after its end.
    public var staysOpen = false
    /// Closes the connection right after the response without having said so, as servers do that restart.
    public var dropsConnection = false
    /// Answers as a whole although a stream was asked for.
    public var ignoresStream = false
    /// Chunks of reasoning before the text.
    public var reasoningDeltas = 0
    /// Refuses with this status and an error object.
    public var status: Int?
    public var errorMessage = "The scripted server was told to fail."
    public var errorCode: String?
    public var retryAfter: String?
    /// Refuses any other key, and repeats the one that was sent, as real servers do.
    public var requiredKey: String?
    public var fault: Fault?
    /// Numbers in a vector of `/v1/embeddings`, where the request names no number.
    public var embeddingDimension = 64
    public var embeddingFault: EmbeddingFault?

    public init() {}

    /// Makes a script and changes it.
    public init(_ change: (inout ModelScript) -> Void) {
        change(&self)
    }

    /// Reads the script out of a model's name, such as `scripted-ttft50-itl20-len100`; `nil` when a word is unknown.
    ///
    /// Words: `ttftN` and `itlN` (milliseconds), `lenN` (deltas), `echo`, `text` (the server's own text, see
    /// ``ScriptedModelServer``), `cutN`, `rstN`, `endN`, `hang`, `hangN`, `close`, `badjsonN`, `errorN`, `redirect`,
    /// `garbage`, `fragN` (bytes), `crlf`, `cr`, `bom`, `comments`, `nodone`, `nofinish`, `nousage`, `open`, `drop`,
    /// `whole`, `reasonN`, `sN` (status), `raN` (Retry-After).
    public init?(modelName: String, text: String? = nil) {
        let words = modelName.split(separator: "-")
        guard words.first == "scripted" else { return nil }
        for word in words.dropFirst() {
            let name = word.prefix { $0.isLetter }
            let digits = word.dropFirst(name.count)
            guard digits.isEmpty || Int(digits) != nil else { return nil }
            guard self.take(String(name), Int(digits), text: text) else { return nil }
        }
    }

    private mutating func take(_ name: String, _ number: Int?, text: String?) -> Bool {
        if let number {
            switch name {
            case "ttft": self.firstTokenMs = number
            case "itl": self.paceMs = number
            case "len": self.deltas = number
            case "frag": self.fragmentBytes = max(1, number)
            case "reason": self.reasoningDeltas = number
            case "s": self.status = number
            case "ra": self.retryAfter = String(number)
            default:
                guard let fault = Self.fault(name, after: number) else { return false }
                self.fault = fault
            }
            return true
        }
        switch name {
        case "echo": self.echoes = true
        case "text", "xss": self.text = text
        case "crlf": self.lineEnd = .crlf
        case "cr": self.lineEnd = .cr
        case "bom": self.sendsByteOrderMark = true
        case "comments": self.sendsComments = true
        case "nodone": self.sendsDone = false
        case "nofinish": self.sendsFinishReason = false
        case "nousage": self.sendsUsage = false
        case "open": self.staysOpen = true
        case "drop": self.dropsConnection = true
        case "whole": self.ignoresStream = true
        case "hang": self.fault = .hangBeforeHead
        case "close": self.fault = .closeBeforeHead
        case "redirect": self.fault = .redirect
        case "garbage": self.fault = .garbage
        default: return false
        }
        return true
    }

    private static func fault(_ name: String, after number: Int) -> Fault? {
        switch name {
        case "cut": .cut(after: number)
        case "rst": .reset(after: number)
        case "end": .end(after: number)
        case "hang": .hang(after: number)
        case "badjson": .badJSON(after: number)
        case "error": .errorEvent(after: number)
        default: nil
        }
    }
}
