import Foundation
import Testing

// Goal:    a sender with a limit leaves the rest to others.
// Method:  the built command on loopback, with a clock; no lower bound, since the machine may be busy.
// Failure: more than the limit goes out, or a byte differs.
extension CommandLineTests {
  @Suite struct Limit {
    @Test(arguments: [1, 4], ["--input sent", "< sent"])
    func `a limit is kept to`(connections: Int, input: String) throws {
      let folder = try Scratch()
      _ = try run("head -c 20000000 \(Sample.path) > sent", in: folder)
      var pair = Pair()
      pair.send = "--limit 80M --connections \(connections) \(input)"
      let start = ContinuousClock.now
      let ends = try pair.run(in: folder)
      // 160 Mbit take 2 s.
      #expect(ContinuousClock.now - start >= .seconds(1.8))
      try expectEqual(ends, "sent", "received", in: folder)
    }

    @Test func `a bench keeps to a limit, and says so`() throws {
      let folder = try Scratch()
      let (listener, port) = try Running.listener("bench", at: "127.0.0.1", in: folder)
      let ended = try run(
        "\"$BRAID\" bench 127.0.0.1:\(port) --limit 10M --time 2 --json",
        in: folder,
        // Seconds of data that were read ahead would come after these three.
        limit: 15
      )
      #expect(ended.status == 0, "\(ended.messages)")
      #expect(listener.isRunning)
      let text = ended.text
      #expect(text.firstMatch(of: /"limit_bits_per_second": ?10000000\b/) != nil, "\(text)")
      let match = try #require(text.firstMatch(of: /"bits_per_second": ?([0-9]+)/))
      #expect(try #require(Double(match.1)) < 11_000_000)
    }
  }
}
