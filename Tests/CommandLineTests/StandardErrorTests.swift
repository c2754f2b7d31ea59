import Foundation
import Testing

// Goal: what becomes of the messages is no concern of the transfer's.
// Method: standard error is a full pipe that nobody reads, or one whose reader has gone.
// Failure: a transfer that stands still, a signal without effect, or a gap that is not told of.
extension CommandLineTests {
  @Suite struct StandardErrors {
    /// Makes a pipe `deaf`, which somebody has open and does not read, and in which there is no room.
    private static let deaf = "mkfifo deaf; exec 3<>deaf; head -c 65536 /dev/zero >&3;"

    /// A listening receiver that talks into that pipe; with a key it has nothing to say at first.
    private func receiver(
      _ option: String = "-v",
      key: String? = nil,
      in folder: Scratch
    ) throws -> (running: Running, port: Int) {
      let port = Port.unused()
      let command = "receive \(option) --listen \(port) > received 2> deaf"
      let running = try Running(
        "\(Self.deaf) echo $$ > pid; exec \"$BRAID\" \(command)",
        name: "receiver",
        in: folder,
        environment: key.map { ["BRAID_KEY": $0] } ?? [:]
      )
      try Port.waitForListener(at: port)
      return (running, port)
    }

    @Test func `messages that nobody reads hold up nothing`() throws {
      let folder = try Scratch()
      let (receiver, port) = try receiver(in: folder)
      let start = ContinuousClock.now
      let sent = try braid("send 127.0.0.1:\(port) --input \(Sample.path)")
      try expectEqual((sent, receiver.wait()), Sample.path, "received", in: folder)
      #expect(ContinuousClock.now - start < .seconds(10))
    }

    @Test func `what is wrong with a command line waits for nobody either`() throws {
      let start = ContinuousClock.now
      let ended = try run("\(Self.deaf) $BRAID send --no-such-option 2> deaf", in: Scratch())
      #expect(ended.status == 64)
      #expect(ContinuousClock.now - start < .seconds(4))
    }

    @Test func `help that cannot be written is no success`() throws {
      let ended = try braid("receive --help > /dev/full")
      #expect(ended.status == 2)
      #expect(ended.messages.contains("cannot write to standard output"), "\(ended.messages)")
      #expect(try braid("--help").text.hasSuffix("\n"))
    }

    @Test func `a signal ends also who is not listened to`() throws {
      let folder = try Scratch()
      let (receiver, port) = try receiver("", key: Keys.key, in: folder)
      // The first message, of a stranger, is said when signals are the loop's.
      #expect(try braid("send 127.0.0.1:\(port) --input /dev/null").status == 4)
      kill(try #require(Int32(folder.text("pid").dropLast())), SIGTERM)
      let start = ContinuousClock.now
      #expect(try receiver.wait().status == 143)
      #expect(ContinuousClock.now - start < .seconds(4))
    }

    @Test func `lines that were dropped are counted, and told of to who reads on`() throws {
      let folder = try Scratch()
      let (receiver, port) = try receiver(in: folder)
      let sender = try Running(
        "{ until [ -e go ]; do sleep 0.1; done; cat \(Sample.path); } "
          + "| \"$BRAID\" send 127.0.0.1:\(port)",
        name: "sender",
        in: folder
      )
      // In a session 50 messages a second are let through; some 250 fit on the way to the pipe.
      let strangers = """
        perl -MIO::Socket::INET -e 'for (1..600) { $s = IO::Socket::INET->new(\
        PeerAddr => "127.0.0.1:\(port)") or die; print $s "GET / HTTP/1.0\\r\\n\\r\\n" x 20; \
        close $s; select undef, undef, undef, 0.012 }'
        """
      #expect(try run(strangers, in: folder).status == 0)
      let reader = try Running("exec cat deaf > heard", name: "reader", in: folder)
      try until("the reader has begun", within: 5) { folder.data("heard").count > 65_536 }
      try Data().write(to: folder.url.appending(path: "go"))
      let ends = (try sender.wait(), try receiver.wait())
      try expectEqual(ends, Sample.path, "received", in: folder)
      _ = try reader.wait()
      let heard = folder.text("heard")
      let lines = #/\nbraid: (\d+) lines were dropped: standard error was not read\n\[ /#
      let count = heard.firstMatch(of: lines).flatMap { Int($0.1) }
      #expect((10...600).contains(count ?? 0), "\(heard.suffix(2000))")
      #expect(heard.contains("] received 64.0 MiB (67108864 bytes) in "))
    }

    @Test(arguments: [("send 127.0.0.1:1 --wait 0", "1\n"), ("send --bogus", "64\n")])
    func `a reader of messages that has gone is no signal`(
      arguments: String,
      status: String
    ) throws {
      let folder = try Scratch()
      let script = "sleep 0.2; \"$BRAID\" \(arguments) 2>&1 >&-; echo $? > status"
      _ = try run("{ \(script); } | true", in: folder)
      #expect(folder.text("status") == status)
    }
  }
}
