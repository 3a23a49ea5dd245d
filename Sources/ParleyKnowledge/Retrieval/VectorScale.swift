//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
package import ParleyCore

/// What cosines of a model mean: models differ in how near they put texts that have nothing to do with each other.
package struct VectorScale: Hashable, Sendable {
    /// Cosine of unrelated texts in the middle.
    package var unrelated: Double
    /// How far cosines of unrelated texts spread around it: a standard deviation.
    package var spread: Double

    /// As all-MiniLM-L6-v2 has it.
    package static let standard = VectorScale(unrelated: 0.03, spread: 0.07)

    /// Spreads above the middle at which two texts are unlikely to be unrelated: one in 200 unrelated queries has,
    /// among 1,400 passages, a nearer one.
    static let distinctSpreads = 4.5
    /// Smaller spreads are not believed.
    private static let leastSpread = 0.04

    package init(unrelated: Double, spread: Double) {
        self.unrelated = unrelated
        self.spread = spread
    }

    /// From cosines of unrelated pairs, by quartiles, since a few pairs are always less unrelated than meant.
    ///
    /// - Returns: `nil` from fewer than 16 pairs or from numbers that are none.
    package init?(unrelatedCosines: [Float]) {
        guard unrelatedCosines.count >= 16, unrelatedCosines.allSatisfy(\.isFinite) else { return nil }
        let sorted = unrelatedCosines.sorted()
        let quartile = { (part: Int) in Double(sorted[(sorted.count - 1) * part / 4]) }
        // Quartiles of a normal distribution lie 0.6745 standard deviations from its mean.
        self.init(unrelated: quartile(2), spread: max((quartile(3) - quartile(1)) / (2 * 0.6745), Self.leastSpread))
    }

    /// 0 for what unrelated texts have in the middle, 1 where texts are unlikely to be unrelated.
    package func closeness(ofCosine cosine: Double) -> Double {
        (cosine - self.unrelated) / (self.spread * Self.distinctSpreads)
    }

    // MARK: Measuring a model

    /// Measures a model by sixteen questions and sixteen passages on other matters.
    ///
    /// - Throws: `EmbedderError`.
    package static func measured(_ embedder: any Embedder) async throws(EmbedderError) -> VectorScale {
        let questions = VectorRows(try await embedder.embed(Self.samples.map(\.question), purpose: .query))
        let passages = VectorRows(try await embedder.embed(Self.samples.map(\.passage), purpose: .query))
        return VectorScale(unrelatedCosines: questions.innerProducts(with: passages)) ?? .standard
    }

    /// No passage has to do with any of the questions.
    private static let samples: [(question: String, passage: String)] = [
        ("how do i descale the kettle", "The museum opens at nine and is closed on Mondays."),
        ("when was the bridge over the river built", "Employees may carry over five days of leave into the next year."),
        ("which plants grow well in the shade", "The function returns an empty list when no row matches the filter."),
        ("what does the warranty cover", "Add the flour slowly and knead the dough for ten minutes."),
        ("how do i restart the print server", "The patient should take one tablet twice a day after a meal."),
        ("who wrote the first symphony", "Invoices are due within thirty days of receipt."),
        ("what is the fine for parking here", "Sunlight is turned into sugar in the green parts of a leaf."),
        ("how many players are on a team", "The motor is lubricated through a hole in the upper casing."),
        ("how do i apply for a student loan", "The orchestra performed three pieces by a young composer."),
        ("why do volcanoes erupt", "Passwords are stored as salted hashes and are never logged."),
        ("what is the melting point of lead", "The council approved the plan for the new tram line."),
        ("how should a baby be bathed", "Each team names a captain before the match begins."),
        (
            "what happens when a contract is broken",
            "The lake freezes over in most winters and is popular with skaters."
        ),
        ("how do birds find their way", "Choose a reference voltage that is stable over temperature."),
        ("where can i exchange foreign money", "Her first novel tells of a family that leaves its island."),
        ("what does this error code mean", "Sheep are moved to the high pastures in early summer."),
    ]
}
