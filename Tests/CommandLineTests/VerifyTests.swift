import Foundation
import Testing

// Goal: with --verify an output is good only if what the disk gives back is what was sent.
// Method: the built command; another process writes into the output behind braid's back while a slow
// producer holds the sender back, or between two runs.
// Failure: a changed byte is not noticed at both ends, or a file that is bad gets its name.
extension CommandLineTests {
  @Suite struct Verifying {
    private static let damage = "printf damaged | dd bs=1 seek=7000000 conv=notrunc status=none"

    /// A pair whose producer stops in the middle until there is a file "go".
    private func pair(_ output: String) -> Pair {
      var pair = Pair()
      pair.before = """
        (head -c 20000000 sent; until test -e go; do sleep 0.05; done; tail -c +20000001 sent) |
        """
      pair.receive = "--verify --output \(output)"
      pair.after = ""
      return pair
    }

    /// Runs it; in the middle bytes of what was written are changed.
    private func runDamaged(_ pair: Pair, written: String, in folder: Scratch) throws
      -> (sender: Ended, receiver: Ended)
    {
      let started = try pair.start(in: folder)
      try until("half of it is written", within: 10) {
        try run("cmp -n 19000000 sent '\(written)'", in: folder).status == 0
      }
      _ = try run("\(Self.damage) of='\(written)' && touch go", in: folder)
      return try started.wait()
    }

    private func expectMismatch(_ ends: (sender: Ended, receiver: Ended)) {
      #expect(ends.receiver.status == 3, "\(ends.receiver.messages)")
      #expect(ends.sender.status == 3, "\(ends.sender.messages)")
      // Stretches of 1 MiB: the place is said as closely as that.
      let place = "read back, bytes 6291456 to 7340032 are not what was written there"
      #expect(ends.receiver.messages.contains(place), "\(ends.receiver.messages)")
      #expect(ends.sender.messages.contains(place), "\(ends.sender.messages)")
    }

    private func scratch() throws -> Scratch {
      let folder = try Scratch()
      _ = try run("head -c 30000001 \(Sample.path) > sent", in: folder)
      return folder
    }

    @Test func `a file that was changed in place is no good copy`() throws {
      let folder = try scratch()
      expectMismatch(
        try runDamaged(pair("received --in-place"), written: "received", in: folder)
      )
    }

    @Test func `a file that was changed does not get its name`() throws {
      let folder = try scratch()
      expectMismatch(
        try runDamaged(pair("received"), written: ".received.braid-partial", in: folder)
      )
      #expect(try run("ls -A | grep received", in: folder).text.isEmpty)
    }

    @Test(.enabled(if: LoopDevice.isPossible, "makes loop devices"))
    func `a disk that was changed is no good copy`() throws {
      let folder = try scratch()
      _ = try run("truncate -s 32M image", in: folder)
      let disk = try LoopDevice("image", sectorByteCount: 512, in: folder)
      expectMismatch(try runDamaged(pair(disk.path), written: disk.path, in: folder))
    }

    @Test func `what was not changed is good, and both ends say that it was read back`() throws {
      let folder = try scratch()
      _ = try run("touch go", in: folder)
      let ends = try pair("received").run(in: folder)
      try expectEqual(ends, "sent", "received", in: folder)
      #expect(ends.sender.messages.contains("read back"), "\(ends.sender.messages)")
      #expect(ends.receiver.messages.contains("read back"), "\(ends.receiver.messages)")
    }

    @Test func `what cannot be read back is refused`() throws {
      let folder = try scratch()
      _ = try run("mkfifo pipe", in: folder)
      let place = "127.0.0.1:\(Port.unused())"
      let command = "exec $BRAID receive --listen \(place) --verify --output pipe"
      let ended = try run(command, in: folder, limit: 10)
      #expect(ended.status == 2)
      #expect(ended.messages.contains("pipe is no file and no disk"), "\(ended.messages)")
    }
  }
}
