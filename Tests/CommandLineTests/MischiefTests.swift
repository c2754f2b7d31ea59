import Foundation
import Testing

// Goal: damage on the way is found, counted and mended; who has no business here is refused, and the
// running session does not notice.
// Method: proxies and guests of Tests/Lab/mischief on loopback, above TCP, whose checksum sees nothing.
// Failure: other bytes, a flip that nobody counted, a stranger who gets in, or a session that suffers.
extension CommandLineTests {
  @Suite(.enabled(if: Mischief.isPossible, "python3 is not installed"))
  struct Mischiefs {
    private static let isFull = ProcessInfo.processInfo.environment["FAULTS"] == "full"

    @Test(arguments: [1, 4])
    func `every flipped bit is found, counted and mended`(connections: Int) throws {
      let folder = try Scratch()
      // As the issue has it, or so that a few flips fall into the sample.
      let (interval, repeats) = Self.isFull ? (100 << 20, 32) : (4 << 20, 1)
      let producer = "for i in $(seq \(repeats)); do cat \(Sample.path); done"
      let port = Port.unused()
      let receiver = try Running(
        "\"$BRAID\" receive --listen 127.0.0.1:\(port) | sha256sum",
        name: "receiver",
        in: folder,
        limit: 120
      )
      try Port.waitForListener(at: port)
      let (proxy, near) = try Mischief.proxy("corrupt --forward \(interval)", to: port, in: folder)
      let sent = try run(
        "\(producer) | \"$BRAID\" send 127.0.0.1:\(near) --connections \(connections)",
        in: folder,
        limit: 120
      )
      let received = try receiver.wait()
      let said = try proxy.end()
      #expect(sent.status == 0, "\(sent.messages)")
      let expected = try run("\(producer) | sha256sum", in: folder, limit: 60)
      #expect(received.text == expected.text, "\(received.messages)")

      let flips = count(of: "0\n", in: said)
      if Self.isFull {
        FileHandle.standardError.write(Data("figure: \(said)\(sent.messages)".utf8))
      }
      #expect(flips >= 64 * repeats << 20 / interval / 2, "\(said)")
      for messages in [sent.messages, received.messages] {
        let damaged = count(of: "frames damaged", in: messages)
        // A flip in a header costs the connection.
        let lost = count(of: "connection lost", in: messages)
        let sum = damaged + lost + count(of: "connections lost", in: messages)
        if connections == 1 {
          #expect(sum == flips, "\(said)\(messages)")
        } else {
          // A late frame is sent twice, and nobody looks at the copy that is not needed.
          #expect(damaged > 0 && sum <= flips, "\(said)\(messages)")
        }
      }
    }

    @Test func `damage on the way back costs connections, and nothing else`() throws {
      let folder = try Scratch()
      let port = Port.unused()
      let receiver = try Running(
        "\"$BRAID\" receive --listen 127.0.0.1:\(port) | sha256sum",
        name: "receiver",
        in: folder,
        limit: 60
      )
      try Port.waitForListener(at: port)
      let (proxy, near) = try Mischief.proxy("corrupt --backward 1500", to: port, in: folder)
      let sent = try braid("send 127.0.0.1:\(near) --connections 4 --input \(Sample.path)")
      let received = try receiver.wait()
      let said = try proxy.end()
      #expect(sent.status == 0, "\(sent.messages)")
      #expect(try received.text == run("sha256sum < \(Sample.path)", in: folder).text)
      #expect(said.wholeMatch(of: /flipped 0 [1-9]\d*\n/) != nil, "\(said)")
      #expect(sent.messages.contains("lost"), "\(said)\(sent.messages)")
    }

    @Test func `a recorded handshake cannot be played again`() throws {
      let folder = try Scratch()
      let environment = ["BRAID_KEY": Keys.key]
      let port = Port.unused()
      let receiver = try Running(
        "\"$BRAID\" receive --listen 127.0.0.1:\(port) > received",
        name: "receiver",
        in: folder,
        environment: environment
      )
      try Port.waitForListener(at: port)
      let (proxy, near) = try Mischief.proxy("replay", to: port, in: folder)
      let sent = try run(
        "{ cat \(Sample.path); sleep 1; } | \"$BRAID\" send 127.0.0.1:\(near) --connections 2",
        in: folder,
        environment: environment
      )
      let received = try receiver.wait()
      let said = try proxy.end()
      try expectEqual((sent, received), Sample.path, "received", in: folder)
      // 5: the proofs do not fit (Protocol.md, "Refusal").
      #expect(said.wholeMatch(of: /answers( 5)+\n/) != nil, "\(said)")
      #expect(
        received.messages.contains("it has another key, or repeats a recorded handshake"),
        "\(received.messages)"
      )
    }

    @Test func `strangers of every kind are refused, and the session goes on`() throws {
      let folder = try Scratch()
      var pair = Pair()
      pair.before = "{ cat \(Sample.path); until [ -e go ]; do sleep 0.1; done; echo end; } |"
      pair.send = "--verbose"
      pair.receive = "--verbose"
      pair.environment = ["BRAID_KEY": Keys.key]
      let started = try pair.start(in: folder)
      try started.waitForSession()
      let (proxy, swapped) = try Mischief.proxy("swap", to: started.port, in: folder)
      let strangers: [(key: String?, port: Int, sentence: String)] = [
        (nil, started.port, "braid: the receiver wants a key, and we have none. "),
        (Keys.key + "0", started.port, "braid: the receiver is busy with another session"),
        (Keys.key, started.port, "braid: the receiver is busy with another session"),
        (Keys.key, swapped, "braid: "),
      ]
      for (key, port, sentence) in strangers {
        let refused = try braid(
          "send 127.0.0.1:\(port) --input /dev/zero",
          environment: key.map { ["BRAID_KEY": $0] } ?? [:]
        )
        #expect(refused.status == 4, "\(refused.messages)")
        #expect(refused.messages.hasPrefix(sentence), "\(refused.messages)")
      }
      // 1: another version (Protocol.md, "Refusal").
      let version = try Mischief("version --to 127.0.0.1:\(started.port)", in: folder)
      #expect(try version.wait() == "refusal 1\n")
      #expect(started.sender.isRunning && started.receiver.isRunning)
      try Data().write(to: folder.url.appending(path: "go"))
      let ends = try started.wait()
      #expect(ends.sender.status == 0, "\(ends.sender.messages)")
      #expect(ends.receiver.status == 0, "\(ends.receiver.messages)")
      _ = try run("{ cat \(Sample.path); echo end; } > sent", in: folder)
      #expect(try checksum(of: "sent", in: folder) == checksum(of: "received", in: folder))
      #expect(!ends.sender.messages.contains("lost"), "\(ends.sender.messages)")
      #expect(ends.receiver.messages.contains("5 strangers turned away"))
      withExtendedLifetime(proxy) {}
    }

    @Test func `who swaps session ids on the way brings no session about`() throws {
      let folder = try Scratch()
      let environment = ["BRAID_KEY": Keys.key]
      let port = Port.unused()
      let receiver = try Running(
        "exec \"$BRAID\" receive --listen 127.0.0.1:\(port) > received",
        name: "receiver",
        in: folder,
        environment: environment
      )
      try Port.waitForListener(at: port)
      let (proxy, near) = try Mischief.proxy("swap", to: port, in: folder)
      let swapped = try braid("send 127.0.0.1:\(near)", environment: environment)
      #expect(swapped.status == 4, "\(swapped.messages)")
      #expect(swapped.messages.hasPrefix("braid: the receiver has another key. "))
      #expect(receiver.isRunning)
      let good = try braid(
        "send 127.0.0.1:\(port) --input \(Sample.path)",
        environment: environment
      )
      try expectEqual((good, receiver.wait()), Sample.path, "received", in: folder)
      withExtendedLifetime(proxy) {}
    }

    @Test(arguments: ["send", "receive --connect"])
    func `a peer of a future version is named`(verb: String) throws {
      let folder = try Scratch()
      let port = Port.unused()
      let peer = try Mischief("refuse --listen 127.0.0.1:\(port)", in: folder)
      let ended = try braid("\(verb) 127.0.0.1:\(port)")
      #expect(ended.status == 4)
      let other = verb == "send" ? "receiver" : "sender"
      #expect(
        ended.messages == """
          braid: the \(other) speaks another version of braid's protocol. \
          Install the same version on both sides.

          """
      )
      withExtendedLifetime(peer) {}
    }

    @Test func `who answers as another session or in our role is refused`() throws {
      let sentences = [
        "": "is not braid: its greeting is no answer to ours. Check the host and the port.\n",
        "--role": "braid: both sides send. One side sends, the other receives.\n",
      ]
      for (option, sentence) in sentences {
        let folder = try Scratch()
        let port = Port.unused()
        let peer = try Mischief("stray --listen 127.0.0.1:\(port) \(option)", in: folder)
        let ended = try braid("send 127.0.0.1:\(port)")
        #expect(ended.status == 4)
        #expect(ended.messages.hasSuffix(sentence), "\(ended.messages)")
        withExtendedLifetime(peer) {}
      }
    }

    @Test func `a peer that only breaks the protocol is named, and soon left`() throws {
      let folder = try Scratch()
      let port = Port.unused()
      let peer = try Mischief("lie --violate --listen 127.0.0.1:\(port)", in: folder)
      let start = ContinuousClock.now
      let ended = try braid("send 127.0.0.1:\(port) --input /dev/zero")
      #expect(ContinuousClock.now - start < .seconds(6))
      #expect(ended.status == 1)
      let sentence = "braid: the receiver broke the protocol: an end frame was not expected here. "
      #expect(ended.messages.contains(sentence), "\(ended.messages)")
      withExtendedLifetime(peer) {}
    }

    @Test func `absurd numbers of a peer are shown, and harm nobody`() throws {
      for isAbort in [false, true] {
        let folder = try Scratch()
        let port = Port.unused()
        let option = isAbort ? "--abort" : ""
        let peer = try Mischief("lie --listen 127.0.0.1:\(port) \(option)", in: folder)
        // On a terminal, since the progress line counts with them too.
        let ended = try run(
          """
          mkfifo pipe; { echo hello; sleep 1; } > pipe & \
          script -qec '"$BRAID" send 127.0.0.1:\(port) --connections 1 --input pipe' typescript
          """,
          in: folder
        )
        #expect(ended.status == (isAbort ? 1 : 0), "\(ended.text)")
        let sentence =
          isAbort ? "The receiver had written 6 bytes" : "% of its speed"
        #expect(ended.text.contains(sentence), "\(ended.text)")
        withExtendedLifetime(peer) {}
      }
    }
  }
}
