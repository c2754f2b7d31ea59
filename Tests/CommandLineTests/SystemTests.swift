import Foundation
import Testing

// Goal: braid does its work by io_uring alone, in bounded memory.
// Method: strace(1) over a transfer; the peak of resident memory for little and for much.
// Failure: data moved by another call, a second ring, memory that grows with the stream.
extension CommandLineTests {
  @Suite struct System {
    @Test(.enabled(if: Braid.has("strace"), "strace is not installed"))
    func `data move through one ring and by no other call`() throws {
      let folder = try Scratch()
      var pair = Pair()
      pair.before = "head -c 20000000 \(Sample.path) | tee sent |"
      pair.before += " strace -f -yy -o sender.trace"
      pair.beforeReceive = "strace -f -yy -o receiver.trace"
      pair.after = "| cat > received"
      // What is said goes through a pipe of its own (relay.c).
      pair.send = "--quiet"
      pair.receive = "--quiet"
      try expectEqual(pair.run(in: folder), "sent", "received", in: folder)
      for side in ["sender", "receiver"] {
        // What stands before is the shell's.
        let lines = folder.text("\(side).trace").split(separator: "\n")
          .drop { !$0.contains("/braid\", [\"") }
        #expect(lines.count { $0.contains(" io_uring_setup(") } == 1)
        #expect(lines.contains { $0.contains(" io_uring_enter(") })
        for line in lines { #expect(!Self.movesData(line), "\(side): \(line)") }
      }
    }

    /// Whether a traced call moves bytes over standard input or output, a pipe or a connection;
    /// routes are asked of the kernel by netlink sockets.
    private static func movesData(_ line: Substring) -> Bool {
      let moving = [
        "read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev",
        "pwritev2", "send", "sendto", "sendmsg", "sendmmsg", "recv", "recvfrom", "recvmsg",
        "recvmmsg", "sendfile", "splice", "tee", "vmsplice", "copy_file_range",
      ]
      // "1234  recvfrom(5<TCP:[...]>, ..."
      let parts = line.split(maxSplits: 3) { " (<".contains($0) }
      guard parts.count == 4, moving.contains(String(parts[1])), parts[2] != "2" else {
        return false
      }
      return parts[2] == "0" || parts[2] == "1" || parts[3].hasPrefix("pipe:")
        || parts[3].hasPrefix("TCP")
    }

    @Test func `memory stays within its bound, however much is sent`() throws {
      let folder = try Scratch()
      var peaks: [Double] = []
      for count in [64, 1024] {
        var pair = Pair()
        pair.before = "head -c \(count << 20) /dev/zero |"
        pair.send = "--connections 16 --verbose"
        pair.receive = "--verbose --output /dev/null"
        let ends = try pair.run(in: folder)
        #expect(ends.sender.status == 0)
        for messages in [ends.sender.messages, ends.receiver.messages] {
          let match = try #require(messages.firstMatch(of: /([0-9.]+) MiB resident at most/))
          peaks.append(try #require(Double(match.1)))
        }
      }
      // How much of the memory is used depends on pauses of the source, and no more on its length.
      #expect(peaks.allSatisfy { $0 <= 48 }, "\(peaks)")
    }
  }
}
