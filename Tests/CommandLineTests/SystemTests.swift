import Foundation
import Testing

// Goal: braid does its work by io_uring alone, and says clearly when the system does not let it.
// Method: strace(1) over a transfer; io_uring refused by a filter and by the system's switch; small
// limits of locked memory as an ordinary user.
// Failure: data moved by another call, a hang, an unclear sentence, or a status other than 5.
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
      guard let call = line.firstMatch(of: #/^\d+ +(\w+)\((\d+)<([^>]*)/#),
        moving.contains(String(call.1)), call.2 != "2"
      else { return false }
      return call.2 == "0" || call.2 == "1" || call.3.hasPrefix("pipe:")
        || call.3.hasPrefix("TCP")
    }

    @Test func `a filter that refuses io_uring is named, and nothing hangs`() throws {
      let folder = try Scratch()
      try Data(Self.filter.utf8).write(to: folder.url.appending(path: "without.pl"))
      let ended = try run(
        "perl without.pl 425 \"$BRAID\" send 127.0.0.1:\(Port.unused()) --input \(Sample.path)",
        in: folder
      )
      #expect(ended.status == 5)
      #expect(
        ended.messages == """
          braid: io_uring is blocked by a sandbox: Operation not permitted (EPERM). \
          Containers refuse it by default; run outside one, or with a seccomp profile that allows \
          io_uring_setup, io_uring_enter and io_uring_register.

          """
      )
    }

    @Test func `a sender without io_uring does not harm the receiver`() throws {
      let folder = try Scratch()
      try Data(Self.filter.utf8).write(to: folder.url.appending(path: "without.pl"))
      let port = Port.unused()
      let receiver = try Running(
        "exec \"$BRAID\" receive --listen \(port)",
        name: "receiver",
        in: folder
      )
      try Port.waitForListener(at: port)
      let refused = try run(
        "perl without.pl 425 \"$BRAID\" send 127.0.0.1:\(port) --input \(Sample.path)",
        in: folder
      )
      #expect(refused.status == 5)
      #expect(receiver.isRunning)
      let good = try braid("send 127.0.0.1:\(port) --input \(Sample.path)")
      #expect(good.status == 0)
      #expect(try receiver.wait().status == 0)
    }

    /// Runs a program in which one system call fails with EPERM, as in a container.
    private static let filter = """
      my $refused = shift;
      # Load the number of the call; if it is the one, SECCOMP_RET_ERRNO | EPERM, else ALLOW.
      my $code = pack("SCCL", 0x20, 0, 0, 0) . pack("SCCL", 0x15, 0, 1, $refused)
        . pack("SCCL", 0x06, 0, 0, 0x00050001) . pack("SCCL", 0x06, 0, 0, 0x7fff0000);
      my $program = pack("S x6 P", 4, $code);
      chomp(my $machine = `uname -m`);
      my $prctl = $machine eq "aarch64" ? 167 : 157;
      syscall($prctl, 38, 1, 0, 0, 0) == 0 or die "PR_SET_NO_NEW_PRIVS: $!";
      syscall($prctl, 22, 2, $program) == 0 or die "PR_SET_SECCOMP: $!";
      exec @ARGV or die "$ARGV[0]: $!";
      """

    // The switch holds for the whole machine: not while anything else needs a ring.
    @Test(
      .enabled(
        if: Braid.isRoot && ProcessInfo.processInfo.environment["BRAID_TEST_SYSCTL"] != nil,
        "switches io_uring off for the whole machine; BRAID_TEST_SYSCTL=1 as root allows it"
      )
    )
    func `the system's switch is named`() throws {
      let name = "kernel.io_uring_disabled"
      let before = try run("sysctl -n \(name)", in: Scratch()).text
      defer { _ = try? run("sysctl -q -w \(name)=\(before)", in: Scratch()) }
      let ended = try run(
        "sysctl -q -w \(name)=2; exec \"$BRAID\" send 127.0.0.1:\(Port.unused())",
        in: Scratch()
      )
      #expect(ended.status == 5)
      #expect(
        ended.messages == """
          braid: io_uring is disabled on this machine (kernel.io_uring_disabled is 2). \
          Enable it as root: sysctl kernel.io_uring_disabled=0

          """
      )
    }

    @Test(arguments: [8192, 64])
    func `an ordinary user with little lockable memory gets through`(kibibytes: Int) throws {
      let folder = try Scratch()
      let (prefix, isPossible) = try Self.asOrdinaryUser(in: folder, lockable: kibibytes)
      try #require(isPossible)
      var pair = Pair()
      pair.before = prefix
      pair.beforeReceive = prefix
      pair.send = "--verbose --input sample"
      pair.receive = "--verbose"
      let ends = try pair.run(in: folder)
      try expectEqual(ends, Sample.path, "received", in: folder)
      let text = try #require(ends.sender.messages.firstMatch(of: #/registered[^\n]*/#)).0
      Attachment.record(String(text), named: "ulimit -l \(kibibytes).txt")
    }

    @Test func `an ordinary user without lockable memory gets through, or is told why not`() throws
    {
      let folder = try Scratch()
      let (prefix, isPossible) = try Self.asOrdinaryUser(in: folder, lockable: 0)
      try #require(isPossible)
      let closed = Port.unused()
      let probe = try run("\(prefix) \"$BRAID\" send 127.0.0.1:\(closed) --wait 0", in: folder)
      if probe.status == 5 {
        // Linux 6.14 and later count the rings themselves.
        #expect(probe.messages.contains("io_uring does not fit into the locked-memory limit of 0"))
        #expect(probe.messages.contains("Raise it (`ulimit -l`, or `memlock` in limits.conf)"))
        return
      }
      var pair = Pair()
      pair.before = prefix
      pair.beforeReceive = prefix
      pair.send = "--input sample"
      try expectEqual(pair.run(in: folder), Sample.path, "received", in: folder)
    }

    /// What to put in front of a command, so that an ordinary user runs it under the limit.
    ///
    /// The command is copied: an ordinary user may not see into root's folders.
    private static func asOrdinaryUser(
      in folder: Scratch,
      lockable kibibytes: Int
    ) throws -> (prefix: String, isPossible: Bool) {
      let change = Braid.isRoot ? "setpriv --reuid 65534 --regid 65534 --clear-groups" : ""
      let prefix = """
        ulimit -l \(kibibytes); BRAID=\(folder.path("braid")); export BRAID; umask 0; \
        chmod 777 .; \(change)
        """
      let ready = try run(
        "cp \"$BRAID\" braid; chmod 755 braid; cp \(Sample.path) sample; \(change) ./braid --version",
        in: folder
      )
      return (prefix, ready.status == 0)
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
          let match = try #require(messages.firstMatch(of: #/([0-9.]+) MiB resident at most/#))
          peaks.append(try #require(Double(match.1)))
        }
      }
      #expect(peaks.allSatisfy { $0 <= 60 }, "\(peaks)")
      // The same for little and much, but for what the allocator rounds.
      #expect(abs(peaks[0] - peaks[2]) < 2 && abs(peaks[1] - peaks[3]) < 2, "\(peaks)")
    }
  }
}
