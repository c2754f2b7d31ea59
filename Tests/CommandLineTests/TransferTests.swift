import Foundation
import Testing

// Goal: what arrives is what was sent, whatever the sizes, the connections and the kinds of ends.
// Method: the built command on loopback; checksums by sha256sum(1), so that braid is not asked.
// Failure: a side does not exit 0, or the sums differ.
extension CommandLineTests {
  @Suite struct Transfers {
    static let sizes = [
      0, 1, 65_535, 65_536, 65_537, (1 << 20) - 1, (1 << 20) + 1, Sample.byteCount,
    ]
    static let connections = [1, 4, 16, 64]

    @Test(arguments: sizes, connections)
    func `a regular file arrives as a file`(size: Int, connections: Int) throws {
      let folder = try Scratch()
      _ = try run("head -c \(size) \(Sample.path) > sent", in: folder)
      var pair = Pair()
      pair.send = "--connections \(connections) --input sent"
      pair.receive = "--output received"
      pair.after = ""
      try expectEqual(pair.run(in: folder), "sent", "received", in: folder)
    }

    @Test(arguments: sizes, connections)
    func `a pipe arrives in a pipe`(size: Int, connections: Int) throws {
      let folder = try Scratch()
      var pair = Pair()
      pair.before = "head -c \(size) \(Sample.path) | tee sent |"
      pair.send = "--connections \(connections)"
      pair.after = "| cat > received"
      pair.host = "::1"
      try expectEqual(pair.run(in: folder), "sent", "received", in: folder)
    }

    @Test(arguments: [false, true], [false, true])
    func `either side may listen, and either may start first`(
      senderListens: Bool,
      dialsFirst: Bool
    ) throws {
      let folder = try Scratch()
      var pair = Pair()
      pair.send = "--input \(Sample.path)"
      pair.senderListens = senderListens
      pair.dialsFirst = dialsFirst
      try expectEqual(pair.run(in: folder), Sample.path, "received", in: folder)
    }

    @Test func `several addresses of one receiver are dialled in turn`() throws {
      let folder = try Scratch()
      let closed = Port.unused()
      var pair = Pair()
      pair.send = "127.0.0.1:\(closed) --input \(Sample.path)"
      try expectEqual(pair.run(in: folder), Sample.path, "received", in: folder)
    }

    @Test func `many connections start without losing one`() throws {
      let folder = try Scratch()
      var pair = Pair()
      pair.send = "--connections 64 --input \(Sample.path)"
      let ends = try pair.run(in: folder)
      try expectEqual(ends, Sample.path, "received", in: folder)
      // The listener has 32 places for connections that are still greeting; more at a time push each
      // other out, and are dialled again. Nothing is lost by it but time, and quiet.
      withKnownIssue("more than 32 greetings at a time evict each other", isIntermittent: true) {
        #expect(!ends.sender.messages.contains("lost"), "\(ends.sender.messages)")
        #expect(!ends.receiver.messages.contains("away"), "\(ends.receiver.messages)")
      }
    }

    @Test func `a producer of tiny writes arrives`() throws {
      let folder = try Scratch()
      let writer = """
        perl -e 'while (sysread STDIN, $b, 1 + rand 5000) { syswrite STDOUT, $b }'
        """
      var pair = Pair()
      pair.before = "head -c 5000000 \(Sample.path) | tee sent | \(writer) |"
      try expectEqual(pair.run(in: folder), "sent", "received", in: folder)
    }

    @Test func `a slow reader gets everything, and memory stays bounded`() throws {
      let folder = try Scratch()
      // 64 KiB each 2 ms: about 32 MiB/s, so that the sender has to wait for most of its time.
      let reader = """
        perl -e 'while (sysread STDIN, $b, 65536) { syswrite STDOUT, $b; \
        select undef, undef, undef, 0.002 }'
        """
      var pair = Pair()
      pair.send = "--input \(Sample.path)"
      pair.after = "| \(reader) > received"
      try expectEqual(pair.run(in: folder), Sample.path, "received", in: folder)
    }

    @Test func `zeros go into the null device`() throws {
      let folder = try Scratch()
      var pair = Pair()
      pair.before = "head -c 200000000 /dev/zero |"
      pair.receive = "--output /dev/null"
      let ends = try pair.run(in: folder)
      #expect(ends.sender.status == 0)
      #expect(ends.receiver.status == 0)
      #expect(ends.receiver.messages.contains("received 191 MiB (200000000 bytes) in "))
    }

    @Test(arguments: ["4K", "64K", "1M"], ["auto", "on", "off"])
    func `every frame size and way of copying carries the same bytes`(
      size: String,
      copying: String
    ) throws {
      let folder = try Scratch()
      var pair = Pair()
      pair.send = "--frame-size \(size) --zerocopy \(copying) --memory 8M --input \(Sample.path)"
      pair.receive = "--memory 5M"
      try expectEqual(pair.run(in: folder), Sample.path, "received", in: folder)
    }

    @Test func `a longer file is cut to what arrives`() throws {
      let folder = try Scratch()
      let sample = Sample.path
      _ = try run("head -c 7000 \(sample) > sent; head -c 9000 \(sample) > received", in: folder)
      var pair = Pair()
      pair.send = "--input sent"
      pair.receive = "--force --output received"
      pair.after = ""
      try expectEqual(pair.run(in: folder), "sent", "received", in: folder)
    }

    @Test func `input is sent from where it stands`() throws {
      let folder = try Scratch()
      _ = try run("head -c 3000 \(Sample.path) > sent; tail -c +1001 sent > rest", in: folder)
      var pair = Pair()
      pair.before = "exec < sent; dd bs=1000 count=1 of=/dev/null 2>/dev/null;"
      try expectEqual(pair.run(in: folder), "rest", "received", in: folder)
    }

    @Test func `output is appended where the shell says so`() throws {
      let folder = try Scratch()
      _ = try run("echo 1 > received; echo 2 > sent; cat received sent > whole", in: folder)
      var pair = Pair()
      pair.send = "--input sent"
      pair.after = ">> received"
      try expectEqual(pair.run(in: folder), "whole", "received", in: folder)
    }

    @Test func `each line is out soon after it was written`() throws {
      let folder = try Scratch()
      var pair = Pair()
      pair.before = "for i in 1 2 3 4 5 6 7 8 9 10; do date +%s%N; sleep 0.1; done |"
      pair.after = "| while read line; do echo $line $(date +%s%N); done > received"
      let ends = try pair.run(in: folder)
      #expect(ends.sender.status == 0)
      let lines = folder.text("received").split(separator: "\n")
      #expect(lines.count == 10)
      for line in lines {
        let times = line.split(separator: " ").compactMap { Int($0) }
        try #require(times.count == 2)
        // What is meant is 50 ms; a second allows for a machine that does other things as well.
        #expect(times[1] - times[0] < 1_000_000_000, "\(line)")
      }
    }
  }
}
