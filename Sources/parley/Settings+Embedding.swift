//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ArgumentParser
import Configuration
import Foundation

extension Settings {
    /// What embeds.
    struct Embedding: Sendable {
        /// The name that switches embedding off.
        static let noModel = "none"

        /// A model server's model, the local encoder's name, or ``noModel``; `nil` takes the local encoder when its
        /// model is there.
        var model: String?
        /// What the server's vectors must have; `nil` takes what the first has.
        var dimension: Int?
        /// Threads of the local encoder.
        var threads: Int
        /// The folder of the local encoder's model, where it is not in one of the usual places.
        var encoderDir: String?
        /// A model server for embeddings alone.
        var baseURL: String?
        /// Its key. Never printed.
        var apiKey: String?
    }

    static let embeddingKeys: Set<String> = [
        "embeddingModel", "embeddingDimension", "embeddingThreads", "encoderDir", "openai.embeddingBaseURL",
        "openai.embeddingApiKey",
    ]

    /// Where the local encoder's model is: as configured, else in the data folder, a checkout or the system.
    var encoderFolder: String? {
        if let folder = self.embedding.encoderDir { return folder }
        let folders = [self.dataDir + "/encoder", Self.besideProgram("../share/parley/encoder"), ".vendor/encoder"]
        return folders.first { FileManager.default.fileExists(atPath: $0 + "/model.safetensors") }
    }
}

extension Settings.Embedding {
    init(config: ConfigReader, openAI: ConfigReader) throws {
        self.model = config.text("embeddingModel")
        self.dimension = config.int(forKey: "embeddingDimension")
        self.threads = config.int(forKey: "embeddingThreads", default: 2)
        self.encoderDir = config.text("encoderDir")
        self.baseURL = openAI.text("embeddingBaseURL")
        self.apiKey = openAI.text("embeddingApiKey", isSecret: true)
        guard (1...16).contains(self.threads) else {
            throw ValidationError("embeddingThreads is \(self.threads); it must be from 1 to 16")
        }
        if let dimension, !(1...8192).contains(dimension) {
            throw ValidationError("embeddingDimension is \(dimension); it must be from 1 to 8192")
        }
        if let baseURL, URL(string: baseURL)?.scheme?.hasPrefix("http") != true {
            throw ValidationError("OPENAI_EMBEDDING_BASE_URL is \"\(baseURL)\", which is not an http or https URL")
        }
    }

    /// What an operator may see. The key only as whether it is set.
    var shown: [(name: String, value: String)] {
        [
            ("embeddingModel", self.model ?? "(the local encoder)"),
            ("embeddingDimension", self.dimension.map { "\($0)" } ?? "(the model's)"),
            ("embeddingThreads", "\(self.threads)"), ("encoderDir", self.encoderDir ?? "(the usual places)"),
            ("openai.embeddingBaseURL", self.baseURL ?? "(as openai.baseURL)"),
            ("openai.embeddingApiKey", self.apiKey == nil ? "not set" : "set"),
        ]
    }
}
