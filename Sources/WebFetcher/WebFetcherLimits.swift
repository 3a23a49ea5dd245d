//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// The limits of fetching pages; the defaults of ``WebFetcher/Settings``.
public enum WebFetcherLimits {
    /// An address, in bytes.
    public static let addressBytes = 2048
    /// Redirects that are followed.
    public static let redirects = 5
    /// A page, in bytes.
    public static let pageBytes = 64 * 1024 * 1024
    /// A fetch with all its redirects.
    public static let fetchTime = Duration.seconds(60)
    /// Silence of the other server.
    public static let idleTime = Duration.seconds(10)
    /// The resolution of a host's name.
    public static let resolveTime = Duration.seconds(5)
    /// Names that are resolved at once; each takes a thread that cannot be stopped.
    public static let lookups = 8
    /// Addresses of a host that are looked at.
    public static let addressesPerHost = 32
}
