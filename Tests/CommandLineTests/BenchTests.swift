import Foundation
import Testing

// Goal:    `braid bench` measures between two processes, in both directions, and says so in a form
//          that programs can rely on; whoever means something else is told.
// Method:  both sides on loopback, for a second or less; the JSON's keys as a recorded list.
// Failure: another status, another sentence, or a document whose readers would break.
extension CommandLineTests {
  // The time that is measured runs while a sender fills its memory.
  @Suite(.disabled(if: Braid.isSlow, "the sanitized command fills its memory for too long"))
  struct Benching {
    /// A listener for one test.
    private struct Listener {
      let folder: Scratch
      let port: Int
      let running: Running

      init(_ options: String = "", folder: Scratch) throws {
        self.folder = folder
        port = Port.unused()
        running = try Running(
          "echo $$ > listener.pid; exec \"$BRAID\" bench --listen 127.0.0.1:\(port) \(options)",
          name: "listener",
          in: folder
        )
        try Port.waitForListener(at: port)
      }

      /// Ends it as Ctrl-C does.
      func interrupt() throws -> Ended {
        try Benching.interrupt("listener", in: folder)
        return try running.wait()
      }
    }

    private static func interrupt(_ name: String, in folder: Scratch) throws {
      let text = folder.text("\(name).pid").trimmingCharacters(in: .whitespacesAndNewlines)
      kill(try #require(pid_t(text)), SIGINT)
    }

    private let folder: Scratch

    init() throws { folder = try Scratch() }

    @Test func `both directions are measured, one after the other`() throws {
      let listener = try Listener(folder: folder)
      let there = try run(
        "\"$BRAID\" bench 127.0.0.1:\(listener.port) --time 1 --omit 0.2",
        in: folder
      )
      #expect(there.status == 0, "\(there.messages)")
      #expect(there.text.contains("bit/s: sent "), "\(there.text)")
      #expect(there.text.contains("without checksums of payloads"))
      #expect(there.text.contains(", not counted\n"))
      #expect(there.text.contains(/processor: sender [0-9]+\.[0-9]+ s/))
      #expect(there.text.contains("limit: "))
      #expect(there.messages.isEmpty, "\(there.messages)")
      let back = try run(
        "\"$BRAID\" bench 127.0.0.1:\(listener.port) --time 0.5 --omit 0 --reverse --checksum --bytes",
        in: folder
      )
      #expect(back.status == 0, "\(back.messages)")
      #expect(back.text.contains("MiB/s: received "), "\(back.text)")
      #expect(back.text.contains("with checksums"))
      let ended = try listener.interrupt()
      #expect(ended.status == 130)
      #expect(ended.text.contains("bit/s: received "), "\(ended.text)")
      #expect(ended.text.contains("bit/s: sent "), "\(ended.text)")
      #expect(ended.messages.contains("interrupted (SIGINT)"), "\(ended.messages)")
    }

    @Test func `both directions are measured at the same time`() throws {
      let key = try run("umask 077; \"$BRAID\" key > key", in: folder)
      #expect(key.status == 0)
      let listener = try Listener("--key-file key", folder: folder)
      let options = "--both --time 1 --omit 0.2 --key-file key"
      let ended = try run("\"$BRAID\" bench 127.0.0.1:\(listener.port) \(options)", in: folder)
      #expect(ended.status == 0, "\(ended.messages)")
      #expect(ended.messages.isEmpty, "\(ended.messages)")
      for text in [
        "bit/s: sent ", "bit/s: received ", "bit/s, received ",
      ] {
        #expect(ended.text.contains(text), "\(text) is not in\n\(ended.text)")
      }
      #expect(ended.text.contains(/processor: this side [0-9]+\.[0-9]+ s/), "\(ended.text)")
      let document = try run(
        "\"$BRAID\" bench 127.0.0.1:\(listener.port) \(options) --connections 1,2 --json",
        in: folder
      )
      #expect(document.status == 0, "\(document.messages)")
      let object = try JSONSerialization.jsonObject(with: document.output) as? [String: Any]
      #expect(paths(of: try #require(object)).sorted() == Self.promised.sorted())
      let runs = try #require(object?["runs"] as? [[String: Any]])
      let roles = runs.compactMap { $0["role"] as? String }
      #expect(roles == ["sender", "receiver", "sender", "receiver"])
      #expect(runs.allSatisfy { ($0["bytes"] as? Int ?? 0) > 0 }, "\(document.text)")
      #expect(runs.map { ($0["connections"] as? [Any])?.count } == [1, 1, 2, 2])
      // The listener is there for one direction as before.
      let alone = try run(
        "\"$BRAID\" bench 127.0.0.1:\(listener.port) --time 0.1 --key-file key",
        in: folder
      )
      #expect(alone.status == 0, "\(alone.messages)")
      let last = try listener.interrupt()
      #expect(last.status == 130)
      #expect(last.text.contains("bit/s: received ") && last.text.contains("bit/s: sent "))
    }

    @Test func `several numbers of connections make a table`() throws {
      let listener = try Listener(folder: folder)
      // A debug build takes a quarter of a second of it to fill its memory with random bytes.
      let ended = try run(
        "\"$BRAID\" bench 127.0.0.1:\(listener.port) --time 1 --omit 0 --connections 1,3,auto",
        in: folder
      )
      #expect(ended.status == 0, "\(ended.messages)")
      #expect(ended.text.contains(", 1 connection, "), "\(ended.text)")
      #expect(ended.text.contains(", 3 connections, "), "\(ended.text)")
      let table = ended.text.split(separator: "\n").suffix(4)
      #expect(table.first?.contains("connections  rate") == true, "\(ended.text)")
      #expect(table.last?.contains("auto (") == true, "\(ended.text)")
      // "the sender's processor" and the like; the document has "senderProcessor".
      let limits = table.dropFirst().map { $0.split(separator: "  ").last ?? "" }
      #expect(limits.allSatisfy { $0.contains(" ") || $0 == "memory" }, "\(limits)")
    }

    @Test(arguments: ["", "--reverse"])
    func `the document has every key that is promised`(direction: String) throws {
      let listener = try Listener(folder: folder)
      let ended = try run(
        "\"$BRAID\" bench 127.0.0.1:\(listener.port) --time 1 --json --connections 2 \(direction)",
        in: folder
      )
      #expect(ended.status == 0, "\(ended.messages)")
      #expect(ended.messages.isEmpty, "\(ended.messages)")
      let document = try #require(
        try JSONSerialization.jsonObject(with: ended.output) as? [String: Any]
      )
      #expect(paths(of: document).sorted() == Self.promised.sorted())
      let runs = try #require(document["runs"] as? [[String: Any]])
      #expect(document["format"] as? Int == 1)
      #expect(runs.count == 1)
      #expect(runs[0]["connections_asked"] as? Int == 2)
      #expect((runs[0]["connections"] as? [Any])?.count == 2)
      let bytes = try #require(runs[0]["bytes"] as? Int)
      let intervals = try #require(runs[0]["intervals"] as? [[String: Any]])
      let counted = intervals.filter { $0["omitted"] as? Bool == false }
      #expect(counted.count == 1)
      #expect(intervals.count == 2)
      #expect(counted.compactMap { $0["bytes"] as? Int }.reduce(0, +) == bytes)
      #expect(bytes > 0)
      let role = direction.isEmpty ? "sender" : "receiver"
      #expect(runs[0]["role"] as? String == role)
    }

    /// Every key of the document; loopback has no links.
    private static let promised = [
      "format", "braid", "protocol", "peer", "settings", "settings.time_s", "settings.omit_s",
      "settings.reverse", "settings.both", "settings.checksum", "settings.memory_bytes",
      "settings.limit_bits_per_second", "settings.zerocopy",
      "settings.congestion", "runs", "runs.connections_asked", "runs.placed_by", "runs.arrangement",
      "runs.role", "runs.seconds",
      "runs.bytes", "runs.bits_per_second", "runs.frame_bytes", "runs.intervals",
      "runs.intervals.start_s", "runs.intervals.end_s", "runs.intervals.omitted",
      "runs.intervals.bytes", "runs.intervals.processor_s", "runs.intervals.retransmissions",
      "runs.intervals.links", "runs.connections", "runs.connections.local", "runs.connections.peer",
      "runs.connections.local_link", "runs.connections.peer_link", "runs.connections.bytes",
      "runs.connections.bits_per_second", "runs.connections.retransmissions",
      "runs.connections.round_trip_s", "runs.connections.congestion_window_bytes",
      "runs.connections.receiver_limited", "runs.links", "runs.processor", "runs.processor.sender",
      "runs.processor.sender.seconds_per_gib", "runs.processor.sender.share",
      "runs.processor.receiver", "runs.processor.receiver.seconds_per_gib",
      "runs.processor.receiver.share", "runs.limit", "runs.limit.kind", "runs.limit.reason",
    ]

    private func paths(of value: Any) -> Set<String> {
      if let members = value as? [String: Any] {
        return members.reduce(into: []) { all, member in
          all.insert(member.key)
          for path in paths(of: member.value) { all.insert("\(member.key).\(path)") }
        }
      }
      guard let values = value as? [Any] else { return [] }
      return values.reduce(into: []) { $0.formUnion(paths(of: $1)) }
    }

    @Test func `a sender does not take a bench for a receiver`() throws {
      let listener = try Listener(folder: folder)
      let ended = try run("echo x | \"$BRAID\" send 127.0.0.1:\(listener.port)", in: folder)
      #expect(ended.status == 4)
      #expect(ended.messages.contains("is `braid bench`, which keeps nothing"))
      #expect(ended.messages.contains("Start `braid receive` there."))
      // It is still there for others.
      let measured = try run("\"$BRAID\" bench 127.0.0.1:\(listener.port) --time 0.1", in: folder)
      #expect(measured.status == 0, "\(measured.messages)")
    }

    @Test(arguments: ["receive", "send --listen"])
    func `a bench does not take a transfer for its other side`(verb: String) throws {
      let port = Port.unused()
      let place = verb == "receive" ? "--listen 127.0.0.1:\(port)" : "127.0.0.1:\(port)"
      let other = try Running("exec \"$BRAID\" \(verb) \(place) > got", name: "other", in: folder)
      try Port.waitForListener(at: port)
      let ended = try run("\"$BRAID\" bench 127.0.0.1:\(port) --time 0.1", in: folder)
      #expect(ended.status == 4)
      #expect(ended.messages.contains("does not measure"), "\(ended.messages)")
      #expect(ended.messages.contains("Start `braid bench --listen` there."))
      #expect(other.isRunning, "it waits on for a real one")
    }

    @Test(arguments: ["", "--reverse", "--both"])
    func `Ctrl-C here ends the run, and the listener goes on`(direction: String) throws {
      let listener = try Listener("--verbose", folder: folder)
      let dialler = try Running(
        "echo $$ > dialler.pid; exec \"$BRAID\" bench 127.0.0.1:\(listener.port) --time 20 \(direction)",
        name: "dialler",
        in: folder
      )
      try until("data flow", within: 10) { dialler.output.contains("not counted") }
      try Self.interrupt("dialler", in: folder)
      let ended = try dialler.wait()
      #expect(ended.status == 130)
      #expect(ended.messages.contains("interrupted (SIGINT)"))
      let again = try run("\"$BRAID\" bench 127.0.0.1:\(listener.port) --time 0.1", in: folder)
      #expect(again.status == 0, "\(again.messages)")
      #expect(listener.running.messages.contains("the other side was interrupted"))
    }

    @Test(arguments: ["", "--reverse", "--both"])
    func `Ctrl-C there ends both`(direction: String) throws {
      let listener = try Listener(folder: folder)
      let dialler = try Running(
        "echo $$ > dialler.pid; exec \"$BRAID\" bench 127.0.0.1:\(listener.port) --time 20 \(direction)",
        name: "dialler",
        in: folder
      )
      try until("data flow", within: 10) { dialler.output.contains("not counted") }
      #expect(try listener.interrupt().status == 130)
      let ended = try dialler.wait()
      #expect(ended.status == 1)
      #expect(ended.messages.contains("the other side was interrupted"), "\(ended.messages)")
    }

    @Test func `a key keeps strangers out`() throws {
      let key = try run("umask 077; \"$BRAID\" key > key", in: folder)
      #expect(key.status == 0)
      let listener = try Listener("--key-file key", folder: folder)
      let stranger = try run("\"$BRAID\" bench 127.0.0.1:\(listener.port) --time 0.1", in: folder)
      #expect(stranger.status == 4)
      #expect(stranger.messages.contains("wants a key"), "\(stranger.messages)")
      let friend = try run(
        "\"$BRAID\" bench 127.0.0.1:\(listener.port) --time 0.1 --key-file key",
        in: folder
      )
      #expect(friend.status == 0, "\(friend.messages)")
    }

    @Test(arguments: [
      ("", "name the other side (braid bench HOST), where `braid bench --listen` runs"),
      ("--listen --time 3", "--time belongs to the side that dials; this one listens"),
      ("--listen --json", "--json belongs to the side that dials; this one listens"),
      ("--listen --bind lo", "--bind belongs to the side that dials; this one listens"),
      ("host --table --reverse", "--table measures what this side sends"),
      ("host --both --reverse", "give either --both or --reverse, not both"),
      ("host --both --table", "--table measures what this side sends; leave --both out"),
      ("--listen --both", "--both belongs to the side that dials; this one listens"),
      ("host --both --memory 2M", "memory for 4 frames in each direction is needed"),
      ("host --table --connections 4", "--table chooses the numbers of connections itself"),
      ("--listen --table", "--table belongs to the side that dials; this one listens"),
      ("--listen 1 2", "listen at one place only"),
      ("--listen host", "expected [ADDRESS:]PORT, such as 27243"),
      ("host --time 0", "--time: must be 0.1 to 3600 seconds"),
      ("host --limit 1M --reverse", "--limit holds back what this side sends; leave --reverse out"),
      ("--listen --limit 1M", "--limit belongs to the side that dials; this one listens"),
      ("host --omit 61", "--omit: must be 0 to 60 seconds"),
      ("host --connections 1,0", "--connections 0: must be 1 to 256"),
      ("host --connections 1,", "a number of connections, such as 8, or auto"),
      ("host:x", "expected HOST[:PORT], such as newserver"),
    ])
    func `a mistake is named`(arguments: String, sentence: String) throws {
      let ended = try braid("bench \(arguments)")
      #expect(ended.status == 64)
      #expect(ended.text.isEmpty)
      #expect(ended.messages.contains(sentence), "\(ended.messages)")
    }
  }
}
