import Foundation
import Testing

extension LabTests {
  /// Goal:    the table of a bond shows what people know from theirs: one connection fills one link,
  ///          several by chance fill some, several that are placed fill all.
  ///
  /// Method:  `braid bench --table --json` in a lab of four links; what each link carried. The lab's
  ///          hash has a seed, but the kernel's ports have none, so chance may fill 1 to 4 links.
  /// Failure: links used where they should not be, or the other way round.
  @Suite(.enabled(if: Lab.isAvailable, Lab.skipReason)) struct BenchTableTests {
    @Test func `one link, some by chance, all that are placed`() throws {
      let text = try measure("--json --time 2")
      let start = try #require(text.firstIndex(of: "{"), "\(text)")
      let document = try #require(
        try JSONSerialization.jsonObject(with: Data(text[start...].utf8)) as? [String: Any]
      )
      let runs = try #require(document["runs"] as? [[String: Any]])
      #expect(runs.map { $0["connections_asked"] as? Int } == [1, 4, 4])
      #expect(runs.map { $0["placed_by"] as? String } == ["braid", "chance", "braid"])
      let arrangement = runs[0]["arrangement"] as? [String]
      #expect(arrangement == ["a multipath route over a1, a2, a3, a4"])
      for side in ["sender", "receiver"] {
        let used = runs.map { shares($0, side).count { $0 > 0.025 } }
        #expect(used[0] == 1, "\(side): \(text)")
        #expect((1...4).contains(used[1]), "\(side): \(text)")
        #expect(used[2] == 4, "\(side): \(text)")
        #expect(shares(runs[2], side).allSatisfy { (0.15...0.35).contains($0) }, "\(text)")
      }
    }

    @Test func `it is judged in a sentence`() throws {
      let text = try measure("--time 1")
      #expect(text.contains("links of the sender: a1 ("), "\(text)")
      #expect(text.contains("this side has a multipath route over a1, a2, a3, a4"), "\(text)")
      #expect(text.contains("Placed by braid, 4 connections carry "), "\(text)")
    }

    @Test func `one link needs no table`() throws {
      let text = try measure("--time 1", links: "400mbit")
      #expect(text.contains("nothing to spread"), "\(text)")
    }

    @Test func `both directions at once use every link`() throws {
      let text = try measure("--json --time 2", what: "--both")
      let start = try #require(text.firstIndex(of: "{"), "\(text)")
      let document = try #require(
        try JSONSerialization.jsonObject(with: Data(text[start...].utf8)) as? [String: Any]
      )
      let runs = try #require(document["runs"] as? [[String: Any]])
      #expect(runs.map { $0["role"] as? String } == ["sender", "receiver"])
      for run in runs {
        for side in ["sender", "receiver"] {
          let used = shares(run, side)
          // Acknowledgements alone would be a few hundredths of one link.
          #expect(used.count == 4 && used.allSatisfy { $0 > 0.1 }, "\(side): \(text)")
        }
      }
    }

    private func shares(_ run: [String: Any], _ side: String) -> [Double] {
      let links = (run["links"] as? [[String: Any]] ?? []).filter { $0["side"] as? String == side }
      let rates = links.compactMap { $0["bits_per_second"] as? Double }
      return rates.map { $0 / max(rates.reduce(0, +), 1) }
    }

    /// What host a prints when it measures with host b.
    private func measure(
      _ options: String,
      what: String = "--table",
      links: String = "200mbit 200mbit 200mbit 200mbit"
    ) throws -> String {
      let inner = """
        "$ROOT/Tests/Lab/netlab" on b timeout 50 "$BRAID" bench --listen >/dev/null 2>&1 &
        "$ROOT/Tests/Lab/netlab" on a timeout 50 "$BRAID" bench 10.99.0.2 \(what) \(options)
        """
      let ended = try Lab.run(
        "\"$ROOT/Tests/Lab/netlab\" run -l '\(links)' -- bash -c '\(inner)'",
        seconds: 80
      )
      #expect(ended.status == 0, "\(ended.text)")
      return ended.text
    }
  }
}
