//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import RedisClient

// Placed here by Benchmarks/redis/compare, which says what is measured.
let arguments = CommandLine.arguments
guard arguments.count == 5, let port = Int(arguments[1]), let callers = Int(arguments[2]),
    let depth = Int(arguments[3]), let seconds = Double(arguments[4])
else {
    print("usage: redis-benchmark-client PORT CALLERS DEPTH SECONDS")
    throw CancellationError()
}
try await RedisBenchmark(port: port, callers: callers, depth: depth, seconds: seconds).run()
