//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Which files changed between looks at a folder. A file is taken when it is the same twice in a row, so that one that
/// is being written is left alone until it is whole.
///
/// Polling needs no descriptor for each folder, loses no event, and works on every file system.
struct FolderWatch {
    /// What was taken last, by name.
    private var taken: [String: FoundFile.Mark] = [:]
    /// What was seen at the last look and is not taken yet.
    private var seen: [String: FoundFile.Mark] = [:]
    /// Whether files that were taken were missing at the last look.
    private(set) var hasLost = false

    /// These were taken.
    mutating func settle(_ files: [FoundFile]) {
        for file in files { self.taken[file.name] = file.mark }
    }

    /// The files to take now.
    mutating func changed(_ files: [FoundFile]) -> [FoundFile] {
        var changed: [FoundFile] = []
        var seen: [String: FoundFile.Mark] = [:]
        for file in files where self.taken[file.name] != file.mark {
            if self.seen[file.name] == file.mark {
                changed.append(file)
            } else {
                seen[file.name] = file.mark
            }
        }
        self.seen = seen
        let names = Set(files.map(\.name))
        self.hasLost = self.taken.keys.contains { !names.contains($0) }
        for name in self.taken.keys where !names.contains(name) { self.taken[name] = nil }
        self.settle(changed)
        return changed
    }

    /// All files are taken again at the next look but one.
    mutating func forgetAll() {
        self.taken = [:]
        self.seen = [:]
    }
}
