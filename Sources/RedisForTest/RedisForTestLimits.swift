//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// The limits of servers for tests.
public enum RedisForTestLimits {
    /// How often another free port is tried.
    public static let portAttempts = 5
    /// How long a server may take to come up, also when it reads a file first, and to go.
    public static let startPatience = Duration.seconds(20)
    /// How often it is looked at meanwhile.
    public static let poll = Duration.milliseconds(5)
    /// How long one answer of ``RedisServer/command(_:)`` may take, in seconds.
    public static let answerSeconds = 5
    /// How deep arrays of an answer may be nested.
    public static let depth = 8
}
