import Foundation
import Testing

// Goal: the status of a command at either end counts, and a command never takes a failure for an end.
// Method: small shell scripts as commands, on loopback.
// Failure: status 0 without the command's, a sentence without command and status, or a command that
// is still there afterwards.
extension CommandLineTests {
  @Suite struct Exec {
    /// Both ends with commands, in which no single quote may stand.
    private func transfer(
      _ producer: String,
      _ consumer: String,
      in folder: Scratch,
      environment: [String: String] = [:]
    ) throws -> (sender: Ended, receiver: Ended) {
      try Data(producer.utf8).write(to: folder.url.appending(path: "producer"))
      try Data(consumer.utf8).write(to: folder.url.appending(path: "consumer"))
      var pair = Pair()
      pair.before = "ls -l /proc/self/fd/ > sender.open;"
      pair.send = "--exec \". ./producer\""
      pair.beforeReceive = "ls -l /proc/self/fd/ > receiver.open;"
      pair.receive = "--exec \". ./consumer\""
      pair.after = ""
      pair.environment = environment
      return try pair.run(in: folder)
    }

    @Test(arguments: [0, 1, 65_537, Sample.byteCount])
    func `what one command writes another one reads`(size: Int) throws {
      let folder = try Scratch()
      let ends = try transfer(
        "head -c \(size) \(Sample.path) | tee sent",
        "cat > received; echo through",
        in: folder
      )
      try expectEqual(ends, "sent", "received", in: folder)
      #expect(ends.receiver.text == "through\n")
    }

    @Test func `the verdict waits for the receiver's command`() throws {
      let folder = try Scratch()
      let ends = try transfer("echo all", "cat > received; sleep 1; echo > written", in: folder)
      try expectEqual(ends, "received", "received", in: folder)
      #expect(folder.text("written") == "\n")
    }

    @Test(
      arguments: [
        ("exit 3", "ended with status 3"), ("kill -9 $$", "was ended by signal 9 (SIGKILL)"),
      ]
    )
    func `a producer that fails after its last byte fails both sides`(
      end: String,
      sentence: String
    ) throws {
      let folder = try Scratch()
      // The pause: all bytes are written long before the status is there.
      let producer = "head -c 300000 /dev/zero; exec >&-; sleep 0.5; \(end)"
      let ends = try transfer(producer, "cat > received; echo > finished", in: folder)
      #expect(ends.sender.status == 2)
      #expect(ends.sender.messages.contains("braid: the command `. ./producer` \(sentence)."))
      #expect(ends.receiver.status == 1)
      let said = "braid: the sender says: the command `. ./producer` \(sentence)."
      #expect(ends.receiver.messages.contains(said), "\(ends.receiver.messages)")
      // It was ended, and never saw an end of its input.
      #expect(folder.data("received").count == 300_000)
      #expect(folder.text("finished").isEmpty)
    }

    @Test(
      arguments: [
        ("cat > received; exit 9", "ended with status 9"),
        ("head -c 1000 > received; kill -9 $$", "was ended by signal 9 (SIGKILL)"),
        ("head -c 1000 > received; exit 4", "ended with status 4"),
        ("head -c 1000 > received", "ended with status 0 before it had everything"),
        ("exec <&-; sleep 20", "closed its input before it had everything"),
      ]
    )
    func `a consumer that fails fails both sides`(consumer: String, sentence: String) throws {
      let folder = try Scratch()
      let start = ContinuousClock.now
      let ends = try transfer("head -c 50000000 /dev/zero", consumer, in: folder)
      #expect(ContinuousClock.now - start < .seconds(6))
      #expect(ends.receiver.status == 2)
      let own = "braid: the command `. ./consumer` \(sentence)."
      #expect(ends.receiver.messages.contains(own), "\(ends.receiver.messages)")
      #expect(ends.sender.status == 1)
      let told =
        sentence.hasPrefix("closed")
        ? "braid: whoever read the receiver's output has gone."
        : "braid: the receiver says: the command `. ./consumer` \(sentence)."
      #expect(ends.sender.messages.contains(told), "\(ends.sender.messages)")
    }

    @Test func `a command that fails before anybody came is told at once`() throws {
      let ended = try braid("receive --listen \(Port.unused()) --quiet --exec 'exit 6'")
      #expect(ended.status == 2)
      #expect(ended.messages == "braid: the command `exit 6` ended with status 6.\n")
    }

    @Test func `a run that cannot start starts no command`() throws {
      let folder = try Scratch()
      let ended = try run(
        "exec \"$BRAID\" send no-such-host.invalid --wait 0 --exec 'echo > started'",
        in: folder
      )
      #expect(ended.status == 1)
      #expect(folder.text("started").isEmpty)
    }

    @Test func `a command does not see the key, nor what else is open`() throws {
      let folder = try Scratch()
      let look = "env > %.env; ls -l /proc/self/fd/ > %.open"
      let ends = try transfer(
        look.replacing("%", with: "producer"),
        "cat > received; \(look.replacing("%", with: "consumer"))",
        in: folder,
        environment: ["BRAID_KEY": Keys.key]
      )
      try expectEqual(ends, "received", "received", in: folder)
      for (side, starter) in [("producer", "sender"), ("consumer", "receiver")] {
        #expect(folder.text("\(side).env").contains("PATH="))
        #expect(!folder.text("\(side).env").contains("BRAID_KEY"))
        #expect(!folder.text("\(side).env").contains(Keys.key))
        // Nothing is open but what braid itself was started with: no connection, no ring, no pipe.
        let open = Self.descriptors(folder.text("\(side).open"))
        let given = Self.descriptors(folder.text("\(starter).open"))
        #expect(open.contains("0") && open.isSubset(of: given), "\(open), \(given)")
      }
    }

    /// The numbers in a listing of /proc/self/fd.
    private static func descriptors(_ listing: String) -> Set<Substring> {
      Set(listing.matches(of: #/ (\d+) -> /#).map(\.1))
    }

    @Test(arguments: ["sender", "receiver"])
    func `an interrupted session ends its commands, also those that ignore it`(
      side: String
    ) throws {
      let folder = try Scratch()
      let stubborn = "trap \"\" TERM; echo $$ >"
      var pair = Pair()
      pair.send = "--verbose --exec \". ./producer\""
      pair.receive = "--verbose --exec \". ./consumer\""
      pair.after = ""
      for (name, rest) in [("producer", "cat /dev/zero"), ("consumer", "cat > /dev/null")] {
        let script = "\(stubborn) \(name).pid; \(rest); echo > \(name).finished; sleep 30"
        try Data(script.utf8).write(to: folder.url.appending(path: name))
      }
      let started = try pair.start(in: folder)
      try started.waitForSession()
      kill(try started.processID(side), SIGTERM)
      let start = ContinuousClock.now
      let ends = try started.wait()
      #expect(ContinuousClock.now - start < .seconds(6))
      #expect((side == "sender" ? ends.sender : ends.receiver).status == 143)
      for name in ["producer", "consumer"] {
        let number = try started.processID(name)
        try until("the \(name) is gone", within: 5) { kill(-number, 0) != 0 }
      }
      #expect(folder.text("consumer.finished").isEmpty)
    }
  }
}
