import Foundation
import Testing

// Goal: whoever dies, the other side ends within seconds and does not claim success.
// Method: signals to one side of a transfer without end.
// Failure: the other side runs on for more than 5 s (and a margin), or its status is 0.
extension CommandLineTests {
  @Suite struct Endings {
    /// Both ends of a transfer that would never end.
    private func start(in folder: Scratch) throws -> Pair.Started {
      var pair = Pair()
      pair.send = "--verbose --input /dev/zero"
      pair.receive = "--verbose --output /dev/null"
      let started = try pair.start(in: folder)
      try started.waitForSession()
      var chance = SystemRandomNumberGenerator()
      Thread.sleep(forTimeInterval: Double.random(in: 0.1...0.5, using: &chance))
      return started
    }

    @Test(arguments: 1...3)
    func `a receiver that is killed ends the sender`(round: Int) throws {
      let started = try start(in: Scratch())
      kill(try started.processID("receiver"), SIGKILL)
      let start = ContinuousClock.now
      let sent = try started.sender.wait()
      #expect(ContinuousClock.now - start < .seconds(6))
      #expect(sent.status == 1)
      #expect(
        sent.messages.contains(
          "braid: the receiver has gone: its host closes or refuses every connection. "
        ),
        "\(sent.messages)"
      )
      #expect(sent.messages.contains("The receiver had written "))
    }

    @Test func `a receiver that is started anew does not join in the middle`() throws {
      let started = try start(in: Scratch())
      kill(try started.processID("receiver"), SIGKILL)
      let folder = try Scratch()
      let listening = "exec \"$BRAID\" receive --listen \(started.port)"
      let second = try Running(listening, name: "second", in: folder)
      let start = ContinuousClock.now
      let sent = try started.sender.wait()
      #expect(ContinuousClock.now - start < .seconds(7))
      #expect(sent.status == 1)
      #expect(
        sent.messages.contains(
          "braid: the receiver has gone; what answers there now was started anew. "
        ),
        "\(sent.messages)"
      )
      #expect(sent.messages.hasSuffix(" Start this side anew as well.\n"), "\(sent.messages)")
      // It still waits for a session of its own.
      let next = try run("echo whole | \"$BRAID\" send 127.0.0.1:\(started.port)", in: Scratch())
      #expect(next.status == 0, "\(next.messages)")
      let received = try second.wait()
      #expect(received.status == 0)
      #expect(received.text == "whole\n")
    }

    @Test(arguments: 1...3)
    func `a sender that is killed ends the receiver`(round: Int) throws {
      let started = try start(in: Scratch())
      kill(try started.processID("sender"), SIGKILL)
      let start = ContinuousClock.now
      let received = try started.wait().receiver
      #expect(ContinuousClock.now - start < .seconds(6))
      #expect(received.status == 1)
      #expect(
        received.messages.contains(
          "braid: the sender has gone: its host closes or refuses every connection. "
        ),
        "\(received.messages)"
      )
    }

    @Test(arguments: [(SIGINT, 130, "SIGINT"), (SIGTERM, 143, "SIGTERM")], ["sender", "receiver"])
    func `an interrupted side tells the other`(
      signal: (number: Int32, status: Int32, name: String),
      side: String
    ) throws {
      let started = try start(in: Scratch())
      kill(try started.processID(side), signal.number)
      let ends = try started.wait()
      let (hit, other) =
        side == "sender" ? (ends.sender, ends.receiver) : (ends.receiver, ends.sender)
      #expect(hit.status == signal.status, "\(hit.messages)")
      #expect(hit.messages.contains("braid: interrupted (\(signal.name)). "))
      #expect(other.status == 1)
      #expect(other.messages.contains("braid: the \(side) was interrupted. "), "\(other.messages)")
    }

    @Test func `under nohup a receiver outlives the terminal`() throws {
      let folder = try Scratch()
      let port = Port.unused()
      let receiver = try Running(
        "echo $$ > receiver.pid; exec nohup \"$BRAID\" receive --listen \(port) < /dev/null",
        name: "receiver",
        in: folder
      )
      try Port.waitForListener(at: port)
      let id = try #require(Int32(folder.text("receiver.pid").dropLast()))
      kill(id, SIGHUP)
      let sent = try run("echo kept | \"$BRAID\" send 127.0.0.1:\(port)", in: Scratch())
      #expect(sent.status == 0, "\(sent.messages)")
      let received = try receiver.wait()
      #expect(received.status == 0, "\(received.messages)")
      #expect(received.text == "kept\n")
    }

    @Test func `a listener nobody came to is interrupted at once`() throws {
      let folder = try Scratch()
      let port = Port.unused()
      let listener = try Running(
        "echo $$ > pid; exec \"$BRAID\" receive --listen \(port)",
        name: "listener",
        in: folder
      )
      try Port.waitForListener(at: port)
      let id = try #require(Int32(folder.text("pid").dropLast()))
      kill(id, SIGINT)
      let ended = try listener.wait()
      #expect(ended.status == 130)
      #expect(ended.messages.hasSuffix("braid: interrupted (SIGINT).\n"))
    }

    @Test func `a stopped receiver is waited for`() throws {
      let folder = try Scratch()
      var pair = Pair()
      pair.send = "--verbose --input \(Sample.path)"
      pair.receive = "--verbose"
      pair.after = "| { sleep 1; cat; } > received"
      let started = try pair.start(in: folder)
      try started.waitForSession()
      let id = try started.processID("receiver")
      kill(id, SIGSTOP)
      // Longer than --dead-after, shorter than a test's patience.
      Thread.sleep(forTimeInterval: 5)
      kill(id, SIGCONT)
      try expectEqual(started.wait(), Sample.path, "received", in: folder)
    }

    @Test func `a second sender is told that the receiver is busy`() throws {
      let folder = try Scratch()
      let (receiver, port) = try Running.listener("receive", in: folder)
      let first = try Running(
        "{ echo one; sleep 1; echo two; } | \"$BRAID\" send 127.0.0.1:\(port)",
        name: "first",
        in: folder
      )
      try until("the first line is there", within: 5) { receiver.output == "one\n" }
      let second = try braid("send 127.0.0.1:\(port)")
      #expect(second.status == 4)
      let sentence = "braid: the receiver is busy with another session, or at its end. "
      #expect(second.messages.hasPrefix(sentence), "\(second.messages)")
      #expect(try first.wait().status == 0)
      let ended = try receiver.wait()
      #expect(ended.status == 0)
      #expect(ended.text == "one\ntwo\n")
    }
  }
}
