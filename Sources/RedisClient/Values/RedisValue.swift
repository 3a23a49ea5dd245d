//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import NIOCore

/// A reply of RESP2 or RESP3.
///
/// Strings share memory with what was read from the socket, of which up to 64 KiB stay alive with them: copy what is to
/// be kept for long.
public enum RedisValue: Hashable, Sendable {
    /// A key and its value.
    public struct Entry: Hashable, Sendable {
        public var key: RedisValue
        public var value: RedisValue

        public init(key: RedisValue, value: RedisValue) {
            self.key = key
            self.value = value
        }
    }

    /// `_`, and the null string and the null array of RESP2.
    case null
    /// `#t` or `#f`; RESP2 has 1 or 0 instead.
    case bool(Bool)
    case integer(Int)
    /// `,`; RESP2 has a string instead.
    case double(Double)
    /// `(`: decimal digits with a sign, of any size.
    case bigNumber(String)
    /// `+`: a word such as `OK`.
    case simple(String)
    /// `$`: any bytes.
    case bulk(ByteBuffer)
    /// `=`: text of a format such as `txt` or `mkd`, always of three characters; RESP2 has a string instead.
    case verbatim(format: String, ByteBuffer)
    /// `-` or `!`.
    case error(RedisError)
    case array([RedisValue])
    /// `%`; RESP2 has an array of keys and values in turn instead.
    case map([Entry])
    /// `~`; RESP2 has an array instead.
    case set([RedisValue])
    /// `>`: what the server sends unasked.
    case push([RedisValue])
}
