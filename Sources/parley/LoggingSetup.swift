//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import Logging

/// Chooses the form of the log once, at start.
enum LoggingSetup {
    /// - Parameter quietly: leaves out what is only information, for a command whose output is for people.
    static func bootstrap(_ settings: Settings, quietly: Bool = false) {
        let level = quietly ? max(settings.logLevel, .warning) : settings.logLevel
        let isTerminal = isatty(STDERR_FILENO) == 1
        let writesText = settings.logFormat == "text" || (settings.logFormat == "auto" && isTerminal)
        LoggingSystem.bootstrap { label in
            if writesText {
                var handler = StreamLogHandler.standardError(label: label)
                handler.logLevel = level
                return handler
            }
            return JSONLogHandler(label: label, logLevel: level)
        }
    }
}
