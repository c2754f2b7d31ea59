import Foundation
import Testing

// Goal: connections and links may die on the way, and nobody notices but the log (issue 4, done
// list 2 to 4).
// Method: four links of 100 Mbit/s each, so that the links are the limit and not the processors; the
// counters of the links tell who carried what.
// Failure: another status than 0, other bytes, or links that stand still.
extension FaultTests {
  @Suite struct Links {
    @Test func `a connection killed twice a second costs little`() throws {
      let rates = FaultTests.isFull ? 1_000_000_000 : Lab.slowLink
      var pair = LabPair()
      pair.mebibyteCount = FaultTests.isFull ? 4096 : 256
      func transfer(killing: Bool) throws -> Double {
        let lab = try Lab(rates: Array(repeating: rates, count: 4))
        let folder = try Scratch()
        let started = try pair.start(in: lab, folder)
        let killer = try Running(
          """
          while sleep 0.5; do
            port=$(ss -Htn state established dst 10.99.0.2 | awk '{sub(".*:", "", $3); print $3}' |
              shuf -n 1)
            [ -z "$port" ] || ss -KHtn src 10.99.0.1 sport = ":$port" >> killed 2>&1
          done
          """.onHost("a", of: lab, killing),
          name: "killer",
          in: folder
        )
        let ends = try started.expectEqual()
        withExtendedLifetime(killer) {}
        if killing { #expect(count(of: "connections lost", in: ends.sender.messages) >= 3) }
        return try rate(in: ends.sender.messages)
      }
      let undisturbed = try transfer(killing: false)
      let disturbed = try transfer(killing: true)
      tell(
        "killed twice a second: \(disturbed) of \(undisturbed) bit/s, \(disturbed / undisturbed)"
      )
      // A rate is asked for by hand, on a quiet machine; in a test it would fail by chance.
      if FaultTests.isFull {
        #expect(disturbed >= 0.85 * undisturbed, "\(disturbed / undisturbed)")
      }
    }

    @Test func `links that are cut and healed cost what they carry, and no more`() throws {
      let lab = try Lab()
      let folder = try Scratch()
      var pair = LabPair()
      pair.mebibyteCount = 768
      let started = try pair.start(in: lab, folder)
      Thread.sleep(forTimeInterval: 1.5)
      let before = try started.use(over: 1)
      #expect(before.allSatisfy { $0 > 0.3 }, "\(before)")
      for cut in [0, 2] {
        let others = [0, 1, 2, 3].filter { $0 != cut }
        try lab.link(cut + 1, "cut")
        // Connections elsewhere whose acknowledgements came back over the cut link die with it.
        _ = try started.use(over: 2)
        let second = try started.use(over: 2.5)
        // At 95 % of what they can: a full link shows 1 here, of which headers take 0.04.
        let full = others.map { before[$0] * 0.95 }
        let isFull = zip(others, full).allSatisfy { second[$0] >= $1 }
        tell("link \(cut + 1) cut: uses were \(before), are \(second)")
        if FaultTests.isFull { #expect(isFull, "link \(cut + 1): \(before) \(second)") }
        #expect(others.allSatisfy { second[$0] > 0.3 }, "cut \(cut): \(second)")
        #expect(second[cut] < 0.01)
        try lab.link(cut + 1, "heal")
        let healed = ContinuousClock.now
        try until("the healed link carries its share", within: 5) {
          try started.use(over: 0.5)[cut] > (FaultTests.isFull ? 0.8 : 0.3)
        }
        tell("link \(cut + 1) healed: its share after \(ContinuousClock.now - healed)")
      }
      try started.expectEqual()
    }

    @Test func `one link of four finishes the work`() throws {
      let lab = try Lab()
      var pair = LabPair()
      pair.mebibyteCount = 64
      let started = try pair.start(in: lab, Scratch())
      Thread.sleep(forTimeInterval: 0.7)
      for link in 1...3 { try lab.link(link, "cut") }
      try started.expectEqual()
    }

    @Test func `losses on two links lose nothing`() throws {
      let lab = try Lab()
      for link in 1...2 { try lab.link(link, "loss", "10") }
      let started = try LabPair().start(in: lab, Scratch())
      let ends = try started.expectEqual()
      tell("1 % lost on two links: \(try rate(in: ends.sender.messages)) bit/s")
      let possible = Double(4 * Lab.slowLink) * Lab.payloadShare
      if FaultTests.isFull { #expect(try rate(in: ends.sender.messages) > 0.5 * possible) }
    }

    @Test func `a reset of all connections of a link is survived`() throws {
      let lab = try Lab()
      let started = try LabPair().start(in: lab, Scratch())
      for link in 1...2 {
        Thread.sleep(forTimeInterval: 0.7)
        try lab.link(link, "reset")
      }
      let ends = try started.expectEqual()
      #expect(count(of: "connections lost", in: ends.sender.messages) >= 2)
    }
  }
}

extension String {
  /// This shell script, to be run on a host; or one that does nothing.
  fileprivate func onHost(_ host: String, of lab: Lab, _ isWanted: Bool) -> String {
    isWanted ? "\(lab.on(host)) sh -c '\(replacing("'", with: "'\\''"))'" : ":"
  }
}
