import Foundation
import Testing
import Transfer
import Wire

// Goal: a transfer that is cut off anywhere, any number of times, is continued and exact in the end.
// Method: both sides are killed at random moments, the file system is filled, the journal damaged.
// Failure: a byte differs, much is sent twice, or something is continued that cannot be.
extension CommandLineTests {
  @Suite struct Resuming {
    /// Seeded, so that a failure comes again, as far as the machine lets it.
    private struct Source: RandomNumberGenerator {
      var state: UInt64
      mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 16
      }
    }

    private func pair(_ output: String) -> Pair {
      var pair = Pair()
      pair.send = "--input sent --verbose"
      pair.receive = "--resume --verbose --output \(output)"
      pair.after = ""
      return pair
    }

    /// Where a run began, from what the receiver says.
    private func start(_ messages: String) -> Int {
      guard let match = messages.firstMatch(of: /resuming at .*?([0-9]+) bytes/) else { return 0 }
      return Int(match.1) ?? 0
    }

    /// Begins a transfer whose sender dies when something is in the journal.
    private func cutOff(_ output: String, journal: String, in folder: Scratch) throws {
      var first = pair(output)
      // The producer of the file's end never comes: the link is held by a sender that stands still.
      first.limit = 20
      let started = try first.start(in: folder)
      try started.waitForSession()
      try until("the journal is written", within: 10) {
        try run("test -s \(journal)", in: folder).status == 0 || !started.receiver.isRunning
      }
      try started.killBoth()
    }

    /// A rate at which a transfer outlasts its kills.
    private static let rate = 80_000_000
    private static let memory = 8 << 20
    /// What a kill costs at most, in bytes: what was written since the last journal was begun, that is an
    /// interval and the time that the next one takes to reach the disk, for which a busy machine gets a
    /// second; and what was on its way, which is no more than the memory for frames.
    private static let lossOfKill =
      Double(rate) / 8 * (Limits.journalInterval / .seconds(1) + 1) + Double(memory)

    private func slowPair(_ output: String) -> Pair {
      var slow = pair(output)
      slow.send += " --limit \(Self.rate) --memory \(Self.memory)"
      slow.receive += " --memory \(Self.memory)"
      return slow
    }

    /// What has left for a port so far, by TCP's own account, headers and repetitions included.
    private func sent(to port: Int, in folder: Scratch) throws -> Double {
      let text = try run("ss -tinH dport = :\(port)", in: folder).text
      return text.matches(of: /bytes_sent:([0-9]+)/).reduce(0) { $0 + (Double($1.1) ?? 0) }
    }

    /// A transfer that is killed again and again, and what has become of it.
    private func killing(
      _ output: String,
      in folder: Scratch
    ) throws -> (position: Int, sent: Double, count: Int) {
      let count = Faults.isFull ? 30 : 5
      var random = Source(state: 2026)
      var position = 0
      var (last, total) = (0.0, 0.0)
      for round in 0..<count {
        let started = try slowPair(output).start(in: folder)
        try started.waitForSession()
        Thread.sleep(forTimeInterval: Double(random.next() % 6000) / 1000)
        let victims = [["sender"], ["receiver"], ["sender", "receiver"]][Int(random.next() % 3)]
        // They stand still while it is looked at what the sender has sent.
        let sides = try ["sender", "receiver"].map { ($0, try started.processID($0)) }
        for (_, process) in sides { kill(process, SIGSTOP) }
        let now = try sent(to: started.port, in: folder)
        for (side, process) in sides { kill(process, victims.contains(side) ? SIGKILL : SIGCONT) }
        let ends = try started.wait()
        let detail: Comment = "round \(round), \(victims): \(ends.receiver.messages)"
        try #require(ends.sender.status != 0 && ends.receiver.status != 0, detail)
        let from = start(ends.receiver.messages)
        #expect(from >= position, "an earlier run had brought more to the disk; \(detail)")
        #expect(last - Double(from - position) <= Self.lossOfKill, detail)
        (position, last) = (from, now)
        total += now
      }
      return (position, total, count)
    }

    /// Kills, then lets it come to its end, and counts.
    private func expectThrift(_ output: String, of byteCount: Int, in folder: Scratch) throws {
      let killed = try killing(output, in: folder)
      let ends = try pair(output).run(in: folder)
      #expect(ends.sender.status == 0, "\(ends.sender.messages)")
      #expect(ends.receiver.status == 0, "\(ends.receiver.messages)")
      let from = start(ends.receiver.messages)
      #expect(from >= killed.position && from > 0, "\(ends.receiver.messages)")
      let all = killed.sent + Double(byteCount - from)
      #expect(all <= 1.1 * Double(byteCount) + Double(killed.count) * Self.lossOfKill)
      print("\(killed.count) kills: \(Int(all)) bytes sent for \(byteCount)")
      #expect(try run("ls -A | grep braid-", in: folder).text.isEmpty)
    }

    private static let killedByteCount = Sample.byteCount * (Faults.isFull ? 16 : 5)
    private static let killedFile =
      "for i in $(seq \(killedByteCount / Sample.byteCount)); do cat \(Sample.path); done > sent"

    @Test(.enabled(if: Braid.has("ss"), "needs ss (Tests/Lab/install test)"))
    func `a file, killed at random moments, is exact in the end, and little is sent twice`() throws
    {
      let folder = try Scratch()
      _ = try run(Self.killedFile, in: folder)
      try expectThrift("received", of: Self.killedByteCount, in: folder)
      #expect(try run("cmp sent received", in: folder).status == 0)
    }

    @Test(.enabled(if: LoopDevice.isPossible && Braid.has("ss"), "makes loop devices; needs ss"))
    func `a disk, killed at random moments, is exact in the end, and little is sent twice`() throws
    {
      let folder = try Scratch()
      _ = try run("\(Self.killedFile); truncate -s 1100M image", in: folder)
      let disk = try LoopDevice("image", sectorByteCount: 512, in: folder)
      try expectThrift(disk.path, of: Self.killedByteCount, in: folder)
      #expect(try run("cmp -n \(Self.killedByteCount) sent \(disk.path)", in: folder).status == 0)
    }

    @Test(.enabled(if: Braid.isRoot, "a file system can be mounted"))
    func `a full file system is continued when there is room`() throws {
      let folder = try Scratch()
      _ = try run(
        "cat \(Sample.path) \(Sample.path) > sent; truncate -s 300M image; mkfs.ext4 -q image; "
          + "mkdir place; mount -o loop image place; head -c 170M /dev/zero > place/filler",
        in: folder
      )
      defer { _ = try? run("umount place", in: folder) }
      var first = slowPair("place/received")
      first.receive += " --force"
      let failed = try first.run(in: folder)
      #expect(failed.receiver.status == 2, "\(failed.receiver.messages)")
      #expect(failed.receiver.messages.contains("No space left on device"))
      #expect(failed.sender.status == 1)
      _ = try run("rm place/filler", in: folder)
      let ends = try pair("place/received").run(in: folder)
      let from = start(ends.receiver.messages)
      #expect(from > 0, "\(ends.receiver.messages)")
      // What the receiver had written, and no more than a kill costs is written once more.
      let written = failed.receiver.messages.firstMatch(of: /We had written .*?([0-9]+) bytes/)
      let count = try #require(written.flatMap { Int($0.1) }, "\(failed.receiver.messages)")
      #expect(count > from && Double(count - from) <= Self.lossOfKill, "\(count) and \(from)")
      try expectEqual(ends, "sent", "place/received", in: folder)
    }

    @Test(.enabled(if: LoopDevice.isPossible, "makes loop devices"))
    func `a disk that is called otherwise after a restart is continued`() throws {
      let folder = try Scratch()
      _ = try run(Self.killedFile, in: folder)
      _ = try run("truncate -s 1100M image; truncate -s 1M other", in: folder)
      var disk: LoopDevice? = try LoopDevice("image", sectorByteCount: 512, in: folder)
      let name = try #require(disk?.path)
      let started = try slowPair(name).start(in: folder)
      try until("the journal is written", within: 10) {
        try !run("find /var/lib/braid -type f -newer other -size +0", in: folder).text.isEmpty
      }
      try started.killBoth()
      disk = nil
      // Another disk has its name now, whoever made it.
      _ = try run("losetup \(name) other", in: folder)
      defer { _ = try? run("losetup --detach \(name)", in: folder) }
      let same = try LoopDevice("image", sectorByteCount: 512, in: folder)
      try #require(same.path != name)
      let ends = try pair(same.path).run(in: folder)
      #expect(start(ends.receiver.messages) > 0, "\(ends.receiver.messages)")
      #expect(ends.sender.status == 0, "\(ends.sender.messages)")
      #expect(try run("cmp -n \(Self.killedByteCount) sent \(same.path)", in: folder).status == 0)
    }

    @Test
    func `what a killed receiver still holds is waited for, and what it finished is left alone`()
      throws
    {
      let folder = try Scratch()
      _ = try run("head -c 1M /dev/urandom > sent", in: folder)
      // The first gives the file its name while the second waits for it.
      let end = "sleep 1; echo precious > .received.braid-partial; mv .received.braid-partial first"
      let holder = try Running(
        "exec flock .received.braid-partial sh -c '\(end); echo moved; sleep 1'",
        name: "holder",
        in: folder
      )
      try until("the file is held", within: 5) {
        try run("flock -n .received.braid-partial true", in: folder).status != 0
      }
      let ends = try pair("received").run(in: folder)
      try expectEqual(ends, "sent", "received", in: folder)
      #expect(holder.output.contains("moved"), "it was not waited for")
      #expect(folder.text("first") == "precious\n")
    }

    @Test func `a file whose receiver was killed between its name and its last word is continued`()
      throws
    {
      let folder = try Scratch()
      _ = try run("for i in 1 2 3 4; do cat \(Sample.path); done > sent", in: folder)
      try cutOff("received", journal: ".received.braid-journal", in: folder)
      _ = try run("mv .received.braid-partial received; chmod 640 received", in: folder)
      let ends = try pair("received").run(in: folder)
      #expect(start(ends.receiver.messages) > 0, "\(ends.receiver.messages)")
      try expectEqual(ends, "sent", "received", in: folder)
      #expect(try run("stat -c %a received; ls -A | grep braid-", in: folder).text == "640\n")
    }

    @Test(.enabled(if: Braid.has("strace"), "needs strace (Tests/Lab/install test)"))
    func `however short it was, a file is found again that has its name and not its last word`()
      throws
    {
      let folder = try Scratch()
      _ = try run("head -c 3000001 /dev/urandom > sent", in: folder)
      var killed = pair("received")
      // The journal is what is unlinked, when the file has its name.
      killed.beforeReceive = "strace -f -o trace -e trace=unlink -e inject=unlink:signal=KILL"
      let first = try killed.run(in: folder)
      #expect(first.receiver.status == 137, "\(first.receiver.messages)")
      #expect(try run("cmp sent received", in: folder).status == 0)
      let ends = try pair("received").run(in: folder)
      #expect(start(ends.receiver.messages) == 3_000_001)
      try expectEqual(ends, "sent", "received", in: folder)
      #expect(try run("ls -A | grep braid-", in: folder).text.isEmpty)
    }

    @Test(arguments: ["received", "received --in-place --force"])
    func `a run that continues nothing leaves no journal to be trusted`(output: String) throws {
      let folder = try Scratch()
      _ = try run("for i in 1 2 3 4; do cat \(Sample.path); done > sent", in: folder)
      try cutOff(output, journal: ".received.braid-journal", in: folder)
      // Something else is written there, and cut off too.
      _ = try run("yes | head -c 60M > other", in: folder)
      var other = Pair()
      other.send = "--input other --limit 200M --verbose"
      other.receive = "--verbose --output \(output)"
      other.after = ""
      let started = try other.start(in: folder)
      try started.waitForSession()
      Thread.sleep(forTimeInterval: 0.5)
      try started.killBoth()
      try expectEqual(pair(output).run(in: folder), "sent", "received", in: folder)
    }

    @Test func `a file that has only the inode of the one before is not continued`() throws {
      let folder = try Scratch()
      _ = try run("for i in 1 2 3 4; do cat \(Sample.path); done > sent", in: folder)
      try cutOff("received", journal: ".received.braid-journal", in: folder)
      let partial = ".received.braid-partial"
      // The file system gives the number to the next file, mostly.
      _ = try run("rm \(partial); head -c 300M /dev/zero > \(partial)", in: folder)
      let options = "--listen 127.0.0.1:\(Port.unused()) --resume --output received"
      let refused = try run("exec timeout 15 \"$BRAID\" receive \(options)", in: folder)
      #expect(refused.status == 2)
      #expect(refused.messages.contains("belongs to another output"), "\(refused.messages)")
    }

    @Test func `what was whole on the disk when it was cut off stays whole`() throws {
      let folder = try Scratch()
      _ = try run("for i in 1 2 3 4; do cat \(Sample.path); done > sent", in: folder)
      let journal = ".received.braid-journal"
      try cutOff("received", journal: journal, in: folder)
      // Cut off a moment later: after the last journal, before the end of the stream was heard.
      let path = folder.url.appending(path: journal)
      let bytes = [UInt8](try Data(contentsOf: path))
      let found = Journal(decoding: bytes.span)
      var record = try #require(found)
      record.durableOffset = record.source.byteCount
      try Data(record.encoded + record.encoded).write(to: path)
      _ = try run("cat sent > .received.braid-partial", in: folder)
      let ends = try pair("received").run(in: folder)
      #expect(start(ends.receiver.messages) == record.source.byteCount)
      try expectEqual(ends, "sent", "received", in: folder)
    }

    @Test func `with --verify also what an earlier run has written is read back`() throws {
      let folder = try Scratch()
      _ = try run("for i in 1 2 3 4; do cat \(Sample.path); done > sent", in: folder)
      let journal = ".received.braid-journal"
      try cutOff("received --verify", journal: journal, in: folder)
      let good = try pair("received --verify").run(in: folder)
      #expect(start(good.receiver.messages) > 0, "\(good.receiver.messages)")
      try expectEqual(good, "sent", "received", in: folder)

      _ = try run("rm received", in: folder)
      try cutOff("received --verify", journal: journal, in: folder)
      let damage = "printf damaged | dd of=.received.braid-partial bs=1 conv=notrunc status=none"
      _ = try run("\(damage) seek=1000000", in: folder)
      let bad = try pair("received --verify").run(in: folder)
      let end = start(bad.receiver.messages)
      #expect(bad.receiver.status == 3)
      #expect(bad.sender.status == 3)
      #expect(bad.receiver.messages.contains("read back, bytes 0 to \(end) are not"))
      // Nothing is left that could be continued.
      #expect(try run("ls -A | grep braid-", in: folder).text.isEmpty)
      #expect(try run("test -e received", in: folder).status != 0)

      try cutOff("received", journal: journal, in: folder)
      let unknown = try pair("received --verify").run(in: folder)
      #expect(unknown.receiver.status == 2)
      #expect(unknown.receiver.messages.contains("was started without --verify"))
    }

    @Test func `what cannot be continued is refused with the reason`() throws {
      let folder = try Scratch()
      _ = try run("for i in 1 2 3 4 5 6 7 8; do cat \(Sample.path); done > sent", in: folder)
      let journal = ".received.braid-journal"
      try cutOff("received", journal: journal, in: folder)
      try #require(try run("test -s \(journal)", in: folder).status == 0)
      _ = try run("cp -p \(journal) kept; cp -p .received.braid-partial part", in: folder)

      // Another source: the same length, changed since.
      _ = try run("touch sent", in: folder)
      let changed = try pair("received").run(in: folder)
      #expect(changed.receiver.status == 2)
      #expect(changed.receiver.messages.contains("the source is another one, or has changed since"))
      #expect(changed.sender.status == 1)

      // No file at all.
      var piped = pair("received")
      piped.before = "cat sent |"
      piped.send = ""
      let ends = try piped.run(in: folder)
      #expect(ends.receiver.status == 2)
      #expect(ends.receiver.messages.contains("the sender reads a pipe now"))

      // Both records damaged; one alone would do no harm.
      let damage = "printf x | dd of=\(journal) bs=1 conv=notrunc status=none"
      _ = try run("\(damage) seek=20; \(damage) seek=4116", in: folder)
      let damaged = try braidReceive("--resume --output received", in: folder)
      #expect(damaged.status == 2)
      #expect(damaged.messages.contains("is damaged, or no journal of this version. Remove it"))

      // A journal of another file, and one that tells of more than there is.
      _ = try run(
        "cp kept \(journal); rm .received.braid-partial; touch .received.braid-partial",
        in: folder
      )
      let foreign = try braidReceive("--resume --output received", in: folder)
      #expect(foreign.status == 2)
      let isForeign = foreign.messages.contains("belongs to another output")
      let isShort = foreign.messages.contains("and its journal says that")
      #expect(isForeign || isShort, "\(foreign.messages)")
      #expect(try run("test -e received", in: folder).status != 0)
    }

    private func braidReceive(_ options: String, in folder: Scratch) throws -> Ended {
      let place = "127.0.0.1:\(Port.unused())"
      return try run("exec $BRAID receive --listen \(place) \(options)", in: folder, limit: 10)
    }

    @Test(.enabled(if: LoopDevice.isPossible, "makes loop devices and file systems"))
    func `a source that does not fit is refused before the first byte`() throws {
      let folder = try Scratch()
      _ = try run("head -c 20M \(Sample.path) > sent; truncate -s 10M image", in: folder)
      let disk = try LoopDevice("image", sectorByteCount: 512, in: folder)
      var pair = pair(disk.path)
      pair.receive = "--output \(disk.path)"
      let small = try pair.run(in: folder)
      #expect(small.receiver.status == 2)
      #expect(
        small.receiver.messages.contains("\(disk.path) has 10.0 MiB (10485760 bytes), the source")
      )
      #expect(small.sender.status == 1)
      #expect(try run("cmp -n 10485760 image /dev/zero", in: folder).status == 0)

      _ = try run("mkdir place; mount -t tmpfs -o size=8m none place", in: folder)
      defer { _ = try? run("umount place", in: folder) }
      pair.receive = "--output place/received"
      let full = try pair.run(in: folder)
      #expect(full.receiver.status == 2)
      #expect(
        full.receiver.messages.contains(
          "there are 8.00 MiB (8388608 bytes) free for place/received"
        )
      )
      #expect(try run("ls -A place", in: folder).text.isEmpty)
    }
  }
}
