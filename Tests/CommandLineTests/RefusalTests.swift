import Foundation
import Testing

// Goal: where the system does not let braid have its ring, it says so and harms nobody.
// Method: io_uring refused by a filter and by the system's switch; small limits of locked memory, as
// an ordinary user.
// Failure: a hang, an unclear sentence, a status other than 5, or a transfer that could have been.
extension CommandLineTests {
  @Suite struct Refusals {
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
      let (receiver, port) = try Running.listener("receive", in: folder)
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
      let text = try #require(ends.sender.messages.firstMatch(of: /registers[^\n]*/)).0
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
  }
}
