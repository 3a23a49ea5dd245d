//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCluster
import ParleyCore
import Testing

@Suite("Rate limits in process", .timeLimit(.minutes(1)))
struct InProcessRateLimiterTests {
    @Test("keep the contract", arguments: RateLimiterContract.sentences.indices)
    func contract(index: Int) async throws {
        try await RateLimiterContract.sentences[index].check(RateLimiterContract(limiter: InProcessRateLimiter()))
    }

    @Test("a full table lets nobody new in where it must stay shut, and does not count new keys elsewhere")
    func fullTable() {
        var ledger = RateLedger(keysPerPolicy: 3)
        let shut = RatePolicy("shut", limit: 2, window: .seconds(60), fallback: .closed(limit: 1))
        let open = RatePolicy("open", limit: 2, window: .seconds(60), fallback: .divided)
        for policy in [shut, open] {
            for number in 0..<3 {
                #expect(ledger.charge([RateCharge(policy, RateKey(.address, "\(number)"))], nowUs: 0).isAllowed)
            }
        }
        let stranger = RateKey(.address, "new")
        for _ in 0..<5 {
            #expect(!ledger.charge([RateCharge(shut, stranger)], nowUs: 10).isAllowed)
            #expect(ledger.charge([RateCharge(open, stranger)], nowUs: 10).isAllowed)
        }
        #expect(ledger.count == 6)
        // Those who were there before are counted on.
        let known = RateKey(.address, "1")
        #expect(ledger.charge([RateCharge(shut, known)], nowUs: 10).isAllowed)
        #expect(!ledger.charge([RateCharge(shut, known)], nowUs: 10).isAllowed)
        // Buckets that are full again make room.
        #expect(ledger.charge([RateCharge(shut, stranger)], nowUs: 70_000_000).isAllowed)
        #expect(ledger.count == 4)
    }

    @Test("pools without holders are not kept")
    func slotTable() {
        var table = SlotTable()
        for number in 0..<10 {
            let pool = SlotPool("p", key: RateKey(.user, "\(number)"), limit: 1, life: .seconds(1))
            #expect(table.occupy(RateSlot(pool: pool, holder: "x"), nowUs: 0).isGranted)
        }
        #expect(table.count == 10)
        table.sweep(nowUs: 1_000_000)
        #expect(table.count == 0)
    }
}
