import Foundation
import Testing

// Goal: only who has the key gets in; the key itself shows up nowhere.
// Method: listeners with and without keys, and diallers with right, wrong and missing ones.
// Failure: a transfer that should not be, a wrong status, a listener that was harmed.
extension CommandLineTests {
  @Suite struct Keys {
    static let key = "3e12a0d94bbb0ad3c2a47a1afb3bd6ae0f66c8e95e7a6e4de4f4c6c24bc2bb35"

    @Test func `a fresh key has 256 bits`() throws {
      let keys = try (1...3).map { _ in try braid("key") }
      for key in keys {
        #expect(key.status == 0)
        #expect(key.text.wholeMatch(of: /[0-9a-f]{64}\n/) != nil)
      }
      #expect(Set(keys.map(\.text)).count == keys.count)
    }

    @Test func `the same key lets in, from file, pipe and variable`() throws {
      for option in ["--key-file key", "--key-file /dev/stdin < key", ""] {
        let folder = try Scratch()
        try Data("\(Self.key)\n".utf8).write(to: folder.url.appending(path: "key"))
        var pair = Pair()
        pair.send = "--input \(Sample.path) \(option)"
        pair.environment = ["BRAID_KEY": Self.key]
        let ends = try pair.run(in: folder)
        try expectEqual(ends, Sample.path, "received", in: folder)
        #expect(!ends.receiver.messages.contains("no key"))
        #expect(!(ends.sender.messages + ends.receiver.messages).contains(Self.key.prefix(8)))
      }
    }

    @Test(
      arguments: [
        (
          Keys.key, nil,
          "braid: the receiver wants a key, and we have none. Give both sides the same key"
        ),
        (
          nil, Keys.key,
          "braid: we have a key, and the receiver has none. Give both sides the same key"
        ),
        (
          Keys.key, Keys.key + "0",
          "braid: the receiver has another key. Give both sides the same key"
        ),
      ] as [(String?, String?, String)]
    )
    func `another key or none is refused, and the listener goes on`(
      listenerKey: String?,
      diallerKey: String?,
      sentence: String
    ) throws {
      let folder = try Scratch()
      let port = Port.unused()
      let listener = try Running(
        "exec \"$BRAID\" receive --listen \(port)",
        name: "listener",
        in: folder,
        environment: Self.environment(listenerKey)
      )
      try Port.waitForListener(at: port)
      let refused = try braid(
        "send 127.0.0.1:\(port) --input \(Sample.path)",
        environment: Self.environment(diallerKey)
      )
      #expect(refused.status == 4)
      #expect(refused.messages.hasPrefix(sentence), "\(refused.messages)")
      #expect(listener.isRunning)
      let good = try braid(
        "send 127.0.0.1:\(port) --input \(Sample.path)",
        environment: Self.environment(listenerKey)
      )
      #expect(good.status == 0, "\(good.messages)")
      let ended = try listener.wait()
      #expect(ended.status == 0)
      #expect(ended.messages.contains(" away: "), "\(ended.messages)")
      #expect(ended.output.count == Sample.byteCount)
    }

    @Test func `without a key the listener says that it is open`() throws {
      let folder = try Scratch()
      var pair = Pair()
      let open = try pair.run(in: folder)
      #expect(open.receiver.messages.hasPrefix("braid: no key: whoever reaches 127.0.0.1 port "))
      #expect(open.receiver.messages.contains(" first may send. `braid key` makes one\n"))
      #expect(!open.sender.messages.contains("no key"))
      pair.environment = ["BRAID_KEY": Self.key]
      #expect(try !pair.run(in: folder).receiver.messages.contains("no key"))
    }

    @Test func `bad keys are refused before anything starts`() throws {
      let empty = try braid("receive", environment: ["BRAID_KEY": " \n"])
      #expect(empty.status == 64)
      #expect(empty.messages == "braid: BRAID_KEY holds no key. `braid key` makes one.\n")
      for (path, reason) in [
        ("/nowhere", "cannot read the key file /nowhere: No such file or directory (ENOENT)"),
        ("/dev/zero", "the key file /dev/zero has more than 4096 bytes; that is no key"),
        ("/dev/null", "the key file /dev/null holds no key. `braid key` makes one"),
      ] {
        let ended = try braid("receive --key-file \(path)")
        #expect(ended.status == 64)
        #expect(ended.messages == "braid: \(reason).\n")
      }
    }

    @Test func `a weak or an open key is used with a warning`() throws {
      let folder = try Scratch()
      let port = Port.unused()
      let ended = try run(
        """
        printf short > key; chmod 644 key
        "$BRAID" send 127.0.0.1:\(port) --wait 0 --key-file key
        """,
        in: folder
      )
      #expect(ended.status == 1)
      #expect(ended.messages.contains("is open to other users. Close it: chmod 600 key\n"))
      #expect(ended.messages.contains("braid: the key is short enough to be guessed. "))
    }

    private static func environment(_ key: String?) -> [String: String] {
      key.map { ["BRAID_KEY": $0] } ?? [:]
    }
  }
}
