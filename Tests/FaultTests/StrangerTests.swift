import Foundation
import Testing

// Goal: thousands of strangers cost a running session nothing that one would notice (issue 4, done
// list 8).
// Method: garbage of every kind from the sender's host while 640 MiB cross four links of 100 Mbit/s.
// Failure: other bytes, a receiver that grows with the number of its visitors, or a lower rate.
extension FaultTests {
  @Suite(.enabled(if: Mischief.isPossible, "python3 is not installed"))
  struct Strangers {
    private static let guestCount = 10_000

    @Test func `ten thousand strangers do not harm a session`() throws {
      func transfer(disturbed: Bool) throws -> Double {
        let lab = try Lab()
        let folder = try Scratch()
        var pair = LabPair()
        pair.mebibyteCount = 640
        pair.limit = 120
        let started = try pair.start(in: lab, folder)
        try until("bytes have moved", within: 5) { try started.carried().contains { $0 > 1 << 20 } }
        if disturbed { try visit(started, lab, folder) }
        let ends = try started.expectEqual()
        guard disturbed else { return try rate(in: ends.sender.messages) }
        // Those that came after the end found nobody.
        let turnedAway = count(of: "strangers turned away", in: ends.receiver.messages)
        #expect(turnedAway > Self.guestCount / 2, "\(ends.receiver.messages)")
        return try rate(in: ends.sender.messages)
      }
      let disturbed = try transfer(disturbed: true)
      // A rate is asked for by hand, on a quiet machine; in a test it would fail by chance.
      if FaultTests.isFull {
        let undisturbed = try transfer(disturbed: false)
        tell("strangers: \(disturbed) of \(undisturbed) bit/s, \(disturbed / undisturbed)")
        #expect(disturbed >= 0.9 * undisturbed, "\(disturbed / undisturbed)")
      }
    }

    /// Lets them come, and looks at the receiver meanwhile.
    private func visit(_ started: LabPair.Started, _ lab: Lab, _ folder: Scratch) throws {
      let before = try memoryPeak(of: started.receiver)
      let visitors = "strangers --to 10.99.0.2:27243 --count \(Self.guestCount)"
      let guests = try Mischief(visitors, prefix: lab.on("a"), in: folder, limit: 100)
      var most = (memory: before, descriptors: 0)
      while guests.isRunning, started.pair.receiver.isRunning {
        let peak = try? memoryPeak(of: started.receiver)
        let path = "/proc/\(started.receiver)/fd"
        let open = (try? FileManager.default.contentsOfDirectory(atPath: path).count) ?? 0
        most = (max(most.memory, peak ?? 0), max(most.descriptors, open))
        Thread.sleep(forTimeInterval: 0.02)
      }
      tell("strangers: \(before) KiB, then \(most)")
      // 32 MiB for frames, and what else there is; 32 strangers at a time beside 64 connections.
      #expect(most.memory < 60 << 10, "\(before) KiB, then \(most.memory) KiB")
      #expect(most.descriptors < 32 + 64 + 20, "\(most.descriptors)")
      #expect(try guests.wait() == "visited \(Self.guestCount)\n")
    }

    /// The largest resident set so far, in KiB.
    private func memoryPeak(of process: Int32) throws -> Int {
      let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .ascii)
      return Int(status.firstMatch(of: /VmHWM:\s+(\d+) kB/)?.1 ?? "") ?? 0
    }
  }
}
