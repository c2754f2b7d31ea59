import Foundation
import Testing

extension LabTests {
  /// Goal:    bytes arrive unchanged, and every link that should carry its part does.
  ///
  /// Method:  the release build in a lab of its own for each test; the interfaces' counters.
  /// Failure: the shares, and all messages of both sides. No rate is measured: see Benchmarks.
  @Suite(.enabled(if: Lab.isAvailable, Lab.skipReason)) struct FillingTests {
    @Test func `four equal links carry a quarter each over few connections`() throws {
      let result = try Transfer().run()
      expectGood(result)
      expect(result.sentShares, each: 0.15...0.35, result)
      expect(result.receivedShares, each: 0.15...0.35, result)
      #expect(result.connectionCounts.allSatisfy { $0 <= 8 }, "\(result.messages)")
      #expect(result.residentMebibytes <= 48, "\(result.messages)")
      for link in ["a1", "a2", "a3", "a4", "b1", "b2", "b3", "b4"] {
        #expect(result.messages.contains(" \(link)  2 connections"), "\(result.messages)")
      }
    }

    @Test func `a switch that hashes again does not leave a link idle at either end`() throws {
      let result = try Transfer(lab: "-w -l '200mbit 200mbit 200mbit 200mbit'").run()
      expectGood(result)
      expect(result.sentShares, each: 0.1...0.4, result)
      expect(result.receivedShares, each: 0.1...0.4, result)
      #expect(result.connectionCounts.allSatisfy { $0 <= 8 }, "\(result.messages)")
    }

    @Test func `unequal links carry what they can`() throws {
      let result = try Transfer(lab: "-l '200mbit 200mbit 40mbit 400mbit'").run()
      expectGood(result)
      for (share, rate) in zip(result.sentShares, [200.0, 200, 40, 400]) {
        #expect(share > rate / 840 * 0.5 && share < rate / 840 * 1.5, "\(result.messages)")
      }
    }

    @Test(.enabled(if: Lab.hasCongestionControl("bbr"), "this kernel has no bbr"))
    func `bbr fills the links too`() throws {
      let result = try Transfer(send: "10.99.0.2 --congestion bbr").run()
      expectGood(result)
      expect(result.sentShares, each: 0.1...0.4, result)
    }

    @Test func `the receiver may dial`() throws {
      let result = try Transfer(send: "--listen 27243", receive: "--connect 10.99.0.1").run()
      expectGood(result)
      expect(result.sentShares, each: 0.1...0.4, result)
      expect(result.receivedShares, each: 0.1...0.4, result)
    }

    @Test func `several addresses of the receiver are several paths`() throws {
      let result = try Transfer(send: "10.99.1.2 10.99.3.2", mebibytes: 48).run()
      expectGood(result)
      expect([result.sentShares[0], result.sentShares[2]], each: 0.3...0.7, result)
    }

    @Test func `IPv6 takes all links as well`() throws {
      let result = try Transfer(send: "fd99::2").run()
      expectGood(result)
      expect(result.sentShares, each: 0.15...0.35, result)
    }

    @Test func `one plain link needs nothing of all this`() throws {
      let result = try Transfer(lab: "-l 400mbit", mebibytes: 48).run()
      expectGood(result)
      #expect(!result.messages.contains("out over"), "\(result.messages)")
    }

    @Test(arguments: ["--bind a1 --bind a3", "--bind 10.99.1.1 --bind 10.99.3.1"])
    func `connections start where they are bound`(binding: String) throws {
      let hosts = binding.contains("10.99") ? "10.99.1.2 10.99.3.2" : "10.99.0.2"
      let result = try Transfer(send: "\(hosts) \(binding)", mebibytes: 48).run()
      expectGood(result)
      expect([result.sentShares[0], result.sentShares[2]], each: 0.3...0.7, result)
      expect([result.sentShares[1], result.sentShares[3]], each: 0...0.05, result)
    }

    @Test func `a preferred host gets all that it can take, and the next one the rest`() throws {
      // 80 Mbit/s, where the first link carries 200.
      let paced = "for i in $(seq 24); do head -c 1M; sleep 0.1; done < \"$input\""
      let slow = try Transfer(
        send: "10.99.2.2 10.99.1.2 --prefer",
        mebibytes: 24,
        source: paced
      ).run()
      expectGood(slow)
      #expect(slow.sentShares[1] > 0.85, "\(slow.sentShares)\n\(slow.messages)")
      let fast = try Transfer(send: "10.99.2.2 10.99.1.2 --prefer", mebibytes: 48).run()
      expectGood(fast)
      expect([fast.sentShares[0], fast.sentShares[1]], each: 0.3...0.7, fast)
    }

    @Test func `a link may be cut and heal, and another one after it`() throws {
      let netlab = "\"$ROOT/Tests/Lab/netlab\""
      let result = try Transfer(
        mebibytes: 400,
        meanwhile: """
          sleep 1; \(netlab) cut 2; sleep 2; \(netlab) heal 2; sleep 2
          \(netlab) cut 3; sleep 1; \(netlab) heal 3
          """
      ).run()
      expectGood(result)
      expect(result.sentShares, each: 0.1...0.4, result)
    }

    @Test func `the report has no more connections than were allowed`() throws {
      let result = try Transfer(send: "10.99.0.2 --max-connections 3", mebibytes: 48).run()
      expectGood(result)
      #expect(result.connectionCounts.allSatisfy { $0 <= 3 }, "\(result.messages)")
    }

    private func expectGood(
      _ result: Transfer.Result,
      sourceLocation: SourceLocation = #_sourceLocation
    ) {
      #expect(result.statuses == [0, 0], "\(result.messages)", sourceLocation: sourceLocation)
      #expect(result.isExact, "\(result.messages)", sourceLocation: sourceLocation)
    }

    private func expect(
      _ shares: [Double],
      each range: ClosedRange<Double>,
      _ result: Transfer.Result,
      sourceLocation: SourceLocation = #_sourceLocation
    ) {
      #expect(
        shares.allSatisfy { range.contains($0) },
        "\(shares)\n\(result.messages)",
        sourceLocation: sourceLocation
      )
    }
  }
}
