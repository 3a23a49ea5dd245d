//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
#if canImport(Glibc)
import Glibc
#endif

/// What Prometheus's own client libraries say of every process, read from `/proc` (proc(5)). What cannot be read is
/// left out.
struct ProcessStatistics: Sendable, Equatable {
    var cpuSeconds: Double?
    var residentBytes: Double?
    var virtualBytes: Double?
    var startTimeSeconds: Double?
    var threads: Double?
    var openFiles: Double?
    var openFilesMax: Double?

    /// The names of ``render(into:)``, which no other metric may have.
    static let names: Set<String> = [
        "process_cpu_seconds_total", "process_resident_memory_bytes", "process_virtual_memory_bytes",
        "process_start_time_seconds", "process_threads", "process_open_fds", "process_max_fds",
    ]

    /// Reads the fields of `/proc/self/stat`. The second is the program's name in parentheses and may hold anything.
    ///
    /// - Parameters:
    ///   - ticksPerSecond: The unit of the times in `stat`.
    ///   - bootTimeSeconds: `btime` of `/proc/stat`, seconds since 1970.
    init(stat: String, ticksPerSecond: Double, pageBytes: Double, bootTimeSeconds: Double?) {
        guard let nameEnd = stat.lastIndex(of: ")") else { return }
        // The first of these is field 3, the state.
        let fields = stat[nameEnd...].dropFirst().split { $0 == " " || $0 == "\n" }
        func field(_ number: Int) -> Double? { fields.count > number - 3 ? Double(fields[number - 3]) : nil }
        if let user = field(14), let system = field(15) { self.cpuSeconds = (user + system) / ticksPerSecond }
        self.threads = field(20)
        if let ticks = field(22), let bootTimeSeconds {
            self.startTimeSeconds = bootTimeSeconds + ticks / ticksPerSecond
        }
        self.virtualBytes = field(23)
        self.residentBytes = field(24).map { $0 * pageBytes }
    }

    func render(into text: inout String) {
        func write(_ name: String, _ type: String, _ value: Double?, _ help: String) {
            guard let value else { return }
            text.writeHead(name, type: type, help: help)
            text.writeSample(name, labels: "", value)
        }
        write("process_cpu_seconds_total", "counter", self.cpuSeconds, "Processor time used, in seconds.")
        write("process_max_fds", "gauge", self.openFilesMax, "File descriptors that may be open.")
        write("process_open_fds", "gauge", self.openFiles, "File descriptors that are open.")
        write("process_resident_memory_bytes", "gauge", self.residentBytes, "Memory in use, in bytes.")
        write(
            "process_start_time_seconds", "gauge", self.startTimeSeconds, "Start of the process since 1970, in seconds."
        )
        write("process_threads", "gauge", self.threads, "Threads of the process.")
        write("process_virtual_memory_bytes", "gauge", self.virtualBytes, "Address space in use, in bytes.")
    }
}

extension ProcessStatistics {
    /// Those of this process now.
    static func current() -> ProcessStatistics {
        #if canImport(Glibc)
        let bootTime = self.read("/proc/stat").split(separator: "\n").first { $0.hasPrefix("btime ") }
            .flatMap { Double($0.dropFirst(6)) }
        var statistics = ProcessStatistics(
            stat: self.read("/proc/self/stat"), ticksPerSecond: Double(sysconf(Int32(_SC_CLK_TCK))),
            pageBytes: Double(sysconf(Int32(_SC_PAGESIZE))), bootTimeSeconds: bootTime)
        statistics.openFiles = self.openFileCount()
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            statistics.openFilesMax = Double(limit.rlim_cur)
        }
        return statistics
        #else
        return ProcessStatistics(stat: "", ticksPerSecond: 1, pageBytes: 1, bootTimeSeconds: nil)
        #endif
    }

    #if canImport(Glibc)
    /// The first 64 KiB of a file; empty when it cannot be read.
    private static func read(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : ""
    }

    private static func openFileCount() -> Double? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        // Without `.`, `..` and the directory itself.
        return Double(max(0, count - 3))
    }
    #endif
}
