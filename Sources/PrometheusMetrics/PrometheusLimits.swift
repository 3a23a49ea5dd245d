//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// The limits and fixed choices of this module.
public enum PrometheusLimits {
    /// Metric names, at most; what is recorded under further names is dropped and counted.
    public static let metrics = 500
    /// Combinations of labels under one name, at most; further ones are dropped and counted. It keeps a label that
    /// somebody fills with ids from filling the memory.
    public static let seriesPerMetric = 500
    /// The longest value of a label, in Unicode scalars; longer ones are cut.
    public static let labelValueScalars = 200
    /// Upper bounds of a timer's buckets, in seconds.
    public static let timerBuckets: [Double] = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
    ]
    /// Upper bounds of a recorder's buckets, in whatever unit it records.
    public static let recorderBuckets: [Double] = [
        1, 5, 10, 50, 100, 500, 1000, 5000, 10_000, 50_000, 100_000, 500_000, 1_000_000,
    ]
    /// Bounds of one histogram, at most; the rest is ignored.
    public static let buckets = 40
}
