import Foundation
import Glibc
import Testing

// Goal: whoever dies, the other side ends within seconds and never claims success; whoever only
// sleeps is waited for (issue 4, done list 5).
// Method: signals at random moments of a transfer over four links.
// Failure: an end later than 5 s, status 0 or a wrong sentence; or the end of a sleeper's session.
extension FaultTests {
  @Suite struct Processes {
    @Test(arguments: ["sender", "receiver"])
    func `a kill at any moment ends the other side within five seconds`(victim: String) throws {
      for round in 0..<(FaultTests.isFull ? 20 : 3) {
        let lab = try Lab()
        var pair = LabPair()
        // 2.8 s at full rate: the kills fall between the first frame and the last one.
        pair.consumer = "| cat > /dev/null"
        let started = try pair.start(in: lab, Scratch())
        let messages = { started.pair.sender.messages + started.pair.receiver.messages }
        try until("bytes have moved", within: 5) { try started.carried().contains { $0 > 1 << 20 } }
        var chance = SystemRandomNumberGenerator()
        let delay = Double.random(in: 0...2, using: &chance)
        Thread.sleep(forTimeInterval: delay)
        kill(victim == "sender" ? started.sender : started.receiver, SIGKILL)
        let start = ContinuousClock.now
        let ends = try started.pair.wait()
        let elapsed = ContinuousClock.now - start
        let other = victim == "sender" ? ends.receiver : ends.sender
        let detail: Comment = "round \(round), after \(delay) s: \(elapsed), \(messages())"
        tell("\(victim) killed after \(delay) s: the other ended \(elapsed) later")
        #expect(elapsed < .seconds(5), detail)
        #expect(other.status == 1, detail)
        #expect(
          other.messages.contains(
            "braid: the \(victim) has gone: its host closes or refuses every connection."
          ),
          detail
        )
      }
    }

    @Test func `a receiver that sleeps is waited for`() throws {
      let lab = try Lab()
      let started = try LabPair(limit: 120).start(in: lab, Scratch())
      Thread.sleep(forTimeInterval: 1)
      kill(started.receiver, SIGSTOP)
      // Longer than --dead-after and than any pause between two attempts to dial.
      Thread.sleep(forTimeInterval: FaultTests.isFull ? 60 : 8)
      kill(started.receiver, SIGCONT)
      try started.expectEqual()
    }

    @Test func `a sender that sleeps is waited for`() throws {
      let lab = try Lab()
      let started = try LabPair(limit: 120).start(in: lab, Scratch())
      Thread.sleep(forTimeInterval: 1)
      kill(started.sender, SIGSTOP)
      Thread.sleep(forTimeInterval: FaultTests.isFull ? 60 : 8)
      kill(started.sender, SIGCONT)
      try started.expectEqual()
    }

    @Test func `a consumer that goes away ends both sides at once`() throws {
      let lab = try Lab()
      var pair = LabPair()
      pair.consumer = "| head -c 1M > received"
      let start = ContinuousClock.now
      let started = try pair.start(in: lab, Scratch())
      let ends = try started.pair.wait()
      tell("consumer gone: over \(ContinuousClock.now - start) after the start")
      #expect(ContinuousClock.now - start < .seconds(5))
      #expect(ends.sender.status == 1)
      #expect(ends.sender.messages.contains("braid: whoever read the receiver's output has gone."))
      #expect(ends.receiver.status == 2)
      #expect(started.pair.folder.data("received").count == 1 << 20)
    }
  }
}
