//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// The limits of this module. Each has its unit in its name or type.
public enum EncoderLimits {
    /// The longest header of a safetensors file, in bytes.
    public static let headerBytes = 4 * 1024 * 1024
    /// Tensors in one file, at most.
    public static let tensors = 10_000
    /// The longest vocabulary, in bytes.
    public static let vocabularyBytes = 16 * 1024 * 1024
    /// The longest configuration file, in bytes.
    public static let configurationBytes = 1024 * 1024
    /// Tokens that one batch of bulk work holds: two to three long texts, some tens of milliseconds.
    public static let batchTokens = 512
    /// Tokens that one batch of urgent work holds, which runs between two layers of bulk work.
    public static let urgentBatchTokens = 256
    /// Requests that may wait for their turn; one more is refused.
    public static let waitingRequests = 256
    /// Threads that work on one batch, at most.
    public static let threads = 16
}
