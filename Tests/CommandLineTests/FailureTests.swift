import Foundation
import Testing

// Goal: what goes wrong is said in one sentence, with the right status, at both ends.
// Method: each trouble made for real on loopback.
// Failure: another sentence or status, or a side that does not end.
extension CommandLineTests {
  @Suite struct Failures {
    @Test func `a closed port is named, with what to start there`() throws {
      let port = Port.unused()
      let ended = try braid("send 127.0.0.1:\(port) --wait 0")
      #expect(ended.status == 1)
      #expect(
        ended.messages == """
          braid: cannot connect to 127.0.0.1 port \(port): Connection refused (ECONNREFUSED). \
          Is `braid receive` running there? Tried once (--wait).

          """
      )
    }

    @Test func `waiting for a closed port is said once, and ends`() throws {
      let port = Port.unused()
      let start = ContinuousClock.now
      let ended = try braid("receive --connect [::1]:\(port) --wait 1.5")
      let time = ContinuousClock.now - start
      #expect(ended.status == 1)
      #expect(time >= .seconds(1.5) && time < .seconds(4))
      let first = """
        braid: cannot connect to ::1 port \(port): Connection refused (ECONNREFUSED); trying for 1.5 s

        """
      #expect(ended.messages.hasPrefix(first), "\(ended.messages)")
      let last = """
        Is `braid send --listen PORT` running there? Tried for 1.5 s (--wait).

        """
      #expect(ended.messages.hasSuffix(last), "\(ended.messages)")
      #expect(ended.messages.split(separator: "\n").count == 2)
    }

    @Test func `a host without an address is named`() throws {
      let ended = try braid("send no-such-host.invalid --wait 0")
      #expect(ended.status == 1)
      #expect(
        ended.messages.hasPrefix("braid: cannot find the address of no-such-host.invalid: ")
      )
    }

    @Test func `an address on every link needs its interface`() throws {
      let ended = try braid("send fe80::1 --wait 0")
      #expect(ended.status == 1)
      #expect(ended.messages.contains("fe80::1 is an address on every link; name the interface"))
    }

    @Test func `input that cannot be opened is named`() throws {
      let ended = try braid("send 127.0.0.1 --input /nowhere/at/all --wait 0")
      #expect(ended.status == 2)
      #expect(
        ended.messages
          == "braid: cannot open /nowhere/at/all: No such file or directory (ENOENT)\n"
      )
    }

    @Test func `a folder is no input`() throws {
      let ended = try braid("send 127.0.0.1 --input / --wait 0")
      #expect(ended.status == 2)
      #expect(ended.messages.hasPrefix("braid: / is a directory; "))
    }

    @Test func `output that cannot be opened is named`() throws {
      let ended = try braid("receive --quiet --listen \(Port.unused()) --output /nowhere/at/all")
      #expect(ended.status == 2)
      #expect(
        ended.messages
          == "braid: cannot open /nowhere/at/all: No such file or directory (ENOENT)\n"
      )
    }

    @Test func `closed standard streams are named`() throws {
      let input = try braid("send 127.0.0.1 --wait 0 <&-")
      #expect(input.status == 2)
      #expect(
        input.messages == "braid: standard input is closed. Open it, or give --input PATH.\n"
      )
      let output = try braid("receive >&-")
      #expect(output.status == 2)
      #expect(
        output.messages == "braid: standard output is closed. Open it, or give --output PATH.\n"
      )
      let key = try braid("key >&-")
      #expect(key.status == 2)
      #expect(key.messages == "braid: standard output is closed.\n")
    }

    @Test func `messages do not get into the output where standard error is closed`() throws {
      let folder = try Scratch()
      var pair = Pair()
      pair.before = "echo content | tee sent |"
      pair.send = "2>&- <&0"
      pair.receive = "--output received 2>&-"
      pair.after = ""
      try expectEqual(pair.run(in: folder), "sent", "received", in: folder)
    }

    @Test func `a port in use is named`() throws {
      let folder = try Scratch()
      let (first, port) = try Running.listener("receive", at: "127.0.0.1", in: folder)
      let second = try braid("receive --quiet --listen 127.0.0.1:\(port)")
      #expect(second.status == 1)
      #expect(
        second.messages == """
          braid: cannot listen at 127.0.0.1 port \(port): Address already in use (EADDRINUSE). \
          Is another braid running? Choose another port.

          """
      )
      #expect(first.isRunning)
    }

    @Test func `two senders and two receivers do not get together`() throws {
      let folder = try Scratch()
      for (verb, sentence) in [("send", "both sides send"), ("receive", "both sides receive")] {
        let (listener, port) = try Running.listener(verb, in: folder)
        let option = verb == "send" ? "" : "--connect"
        let dialler = try braid("\(verb) \(option) 127.0.0.1:\(port)")
        #expect(dialler.status == 4)
        #expect(
          dialler.messages == "braid: \(sentence). One side sends, the other receives.\n"
        )
        #expect(listener.isRunning)
      }
    }

    @Test func `what is not braid is not taken for it`() throws {
      let folder = try Scratch()
      let port = Port.unused()
      let server = """
        exec perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", \
        LocalPort => \(port), Listen => 5, ReuseAddr => 1) or die; \
        while ($c = $s->accept) { print $c "220 mail.example.org ESMTP\\r\\n" x 20; \
        $c->flush; push @all, $c }'
        """
      let other = try Running(server, name: "other", in: folder)
      try Port.waitForListener(at: port)
      let ended = try braid("send 127.0.0.1:\(port)")
      #expect(ended.status == 4)
      #expect(
        ended.messages == """
          braid: what answers at 127.0.0.1 port \(port) is not braid: \
          it does not speak braid's protocol. Check the host and the port.

          """
      )
      #expect(other.isRunning)
    }

    @Test(arguments: [
      (
        "close $c",
        "what listens there closes every connection without a word. "
          + "Is another program there, or a tunnel to nowhere?"
      ),
      (
        "push @all, $c",
        "what listens there takes connections and says nothing. "
          + "Is another program there, or one that stands still?"
      ),
    ])
    func `what hangs up or says nothing is no receiver`(answer: String, sentence: String) throws {
      let folder = try Scratch()
      let port = Port.unused()
      let server = """
        exec perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", \
        LocalPort => \(port), Listen => 50, ReuseAddr => 1) or die; \
        while ($c = $s->accept) { \(answer) }'
        """
      let other = try Running(server, name: "other", in: folder)
      try Port.waitForListener(at: port)
      let start = ContinuousClock.now
      let ended = try braid("send 127.0.0.1:\(port) --wait 1")
      // A call that was taken has 5 s to be answered.
      #expect(ContinuousClock.now - start < .seconds(8))
      #expect(ended.status == 4)
      let last = "cannot connect to 127.0.0.1 port \(port): \(sentence) Tried for 1 s (--wait).\n"
      #expect(ended.messages.hasSuffix(last), "\(ended.messages)")
      #expect(other.isRunning)
    }

    @Test func `a full device fails both sides`() throws {
      let folder = try Scratch()
      var pair = Pair()
      pair.send = "--input \(Sample.path)"
      pair.after = "> /dev/full"
      let ends = try pair.run(in: folder)
      #expect(ends.receiver.status == 2)
      #expect(
        ends.receiver.messages.contains(
          "braid: cannot write to standard output: No space left on device (ENOSPC). "
        )
      )
      #expect(ends.sender.status == 1)
      #expect(
        ends.sender.messages.contains(
          "braid: the receiver says: cannot write to standard output: No space left on device"
        )
      )
    }

    @Test func `what was written of a frame that did not fit counts`() throws {
      let folder = try Scratch()
      var pair = Pair()
      pair.send = "--input \(Sample.path)"
      pair.beforeReceive = "ulimit -f 200;"
      // What is appended is written in order.
      pair.after = ">> received"
      let ends = try pair.run(in: folder)
      #expect(ends.receiver.status == 2)
      #expect(ends.sender.status == 1)
      // Of 512 or 1024 bytes, as the shell has it, and less than a frame.
      let length = folder.data("received").count
      #expect(length > 0 && length < 262_144)
      #expect(ends.receiver.messages.contains(" (EFBIG). We had written "))
      for messages in [ends.receiver.messages, ends.sender.messages] {
        let sentence = " had written \(length / 1024) KiB (\(length) bytes)"
        #expect(messages.contains(sentence), "\(messages)")
      }
    }

    @Test func `input that fails on the way fails both sides`() throws {
      let folder = try Scratch()
      var pair = Pair()
      // Nothing is mapped at address 0: reading there fails with EIO.
      pair.send = "--input /proc/self/mem"
      let ends = try pair.run(in: folder)
      #expect(ends.sender.status == 2)
      #expect(ends.sender.messages.contains("braid: cannot read /proc/self/mem: "))
      #expect(ends.receiver.status == 1)
      #expect(
        ends.receiver.messages.contains("braid: the sender says: cannot read /proc/self/mem: ")
      )
    }

    @Test(.enabled(if: Braid.isRoot, "a file system can be mounted"))
    func `a full file system fails both sides`() throws {
      let folder = try Scratch()
      var pair = Pair()
      // Of a pipe nobody knows beforehand that it does not fit.
      pair.before = "cat \(Sample.path) |"
      // The mount is the receiver's own and goes away with it.
      pair.beforeReceive = "mkdir small; unshare -m sh -c \"mount -t tmpfs -o size=8m none small "
      pair.beforeReceive += "&& exec \\\"\\$@\\\"\" - "
      pair.receive = "--output small/received"
      let ends = try pair.run(in: folder)
      #expect(ends.receiver.status == 2, "\(ends.receiver.messages)")
      #expect(ends.receiver.messages.contains("No space left on device (ENOSPC). "))
      #expect(ends.sender.status == 1)
    }

    @Test func `a consumer that goes away ends both sides`() throws {
      let folder = try Scratch()
      var pair = Pair()
      pair.send = "--input /dev/zero"
      pair.after = "| head -c 1048576 > received"
      let start = ContinuousClock.now
      let ends = try pair.run(in: folder)
      #expect(ContinuousClock.now - start < .seconds(6))
      #expect(ends.receiver.status == 2)
      #expect(ends.receiver.messages.contains("braid: whoever read standard output has gone. "))
      #expect(ends.sender.status == 1)
      #expect(ends.sender.messages.contains("braid: whoever read the receiver's output has gone. "))
      #expect(folder.data("received").count == 1_048_576)
    }

    @Test func `a consumer that goes away is noticed while nothing is sent`() throws {
      let folder = try Scratch()
      var pair = Pair()
      pair.before = "{ echo hello; sleep 20; } |"
      pair.after = "| head -n 1 > received"
      let start = ContinuousClock.now
      let started = try pair.start(in: folder)
      try until("the receiver ends", within: 6) { !started.receiver.isRunning }
      // The sender's shell waits for the producer; braid itself has gone, and says so.
      try until("the sender ends", within: 6) {
        started.sender.messages.contains("braid: whoever read the receiver's output has gone. ")
      }
      #expect(ContinuousClock.now - start < .seconds(6))
      #expect(folder.text("status") == "2\n")
    }
  }
}
