import Foundation
import Testing

/// A sender and a receiver, started as shell scripts, and how they are put together.
struct Pair {
  /// In front of `braid send`: a producer with its pipe, limits.
  var before = ""
  /// After `braid send HOST`: options and redirections.
  var send = ""
  /// In front of `braid receive`.
  var beforeReceive = ""
  /// After `braid receive`: options and redirections.
  var receive = ""
  /// After the receiver: a pipe with its consumer.
  var after = "> received"
  /// The address that is listened at, and dialled.
  var host = "127.0.0.1"
  /// In front of each braid: the way to its host, in a lab.
  var senderHost = ""
  var receiverHost = ""
  /// Whether the sender listens and the receiver dials.
  var senderListens = false
  /// Whether the dialling side is started well before the listening one.
  var dialsFirst = false
  /// Variables of both sides.
  var environment: [String: String] = [:]
  /// Seconds.
  var limit = 30.0

  /// Both processes, under way.
  struct Started {
    let sender: Running
    let receiver: Running
    let folder: Scratch
    let port: Int

    /// Waits for both; the receiver's status is braid's, not its consumer's.
    func wait() throws -> (sender: Ended, receiver: Ended) {
      let sent = try sender.wait()
      let received = try receiver.wait()
      let status = folder.text("status").trimmingCharacters(in: .whitespacesAndNewlines)
      return (
        sent,
        Ended(
          status: Int32(status) ?? received.status,
          output: received.output,
          messages: received.messages
        )
      )
    }

    /// Ends both sides without a word, as a power failure would.
    func killBoth() throws {
      for side in ["sender", "receiver"] { kill(try processID(side), SIGKILL) }
      _ = try wait()
    }

    /// Waits until data may flow; both sides must be verbose.
    func waitForSession() throws {
      for side in [sender, receiver] {
        try until("the session begins", within: 10) {
          side.messages.contains("the session has begun")
        }
      }
    }

    /// The process id that a side wrote down when it became braid.
    func processID(_ side: String) throws -> Int32 {
      var number: Int32?
      try until("\(side) has started", within: 5) {
        number = Int32(folder.text("\(side).pid").trimmingCharacters(in: .whitespacesAndNewlines))
        return number != nil
      }
      return try #require(number)
    }
  }

  /// Starts both sides in their order.
  func start(in folder: Scratch) throws -> Started {
    let port = Port.unused()
    let place = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    let senderPlace = senderListens ? "--listen \(place)" : place
    let receiverPlace = senderListens ? "--connect \(place)" : "--listen \(place)"
    let scripts = [
      "sender": """
      \(before) \(senderHost) sh -c 'echo $$ > sender.pid; exec "$BRAID" send \(senderPlace) \(send)'
      """,
      "receiver": """
      ( \(beforeReceive) \(receiverHost) sh -c 'echo $$ > receiver.pid; \
      exec "$BRAID" receive \(receiverPlace) \(receive)'; echo $? > status ) \(after)
      """,
    ]
    let listener = senderListens ? "sender" : "receiver"
    let dialler = senderListens ? "receiver" : "sender"
    var running: [String: Running] = [:]
    for side in dialsFirst ? [dialler, listener] : [listener, dialler] {
      running[side] = try Running(
        scripts[side] ?? "",
        name: side,
        in: folder,
        limit: limit,
        environment: environment
      )
      if side == listener {
        try Port.waitForListener(at: port, running[side]) {
          receiverHost.isEmpty ? "self" : folder.text("\(listener).pid")
        }
      }
      // Long enough for the first attempt to have failed.
      if side == dialler, dialsFirst { Thread.sleep(forTimeInterval: 0.3) }
    }
    return Started(
      sender: try #require(running["sender"]),
      receiver: try #require(running["receiver"]),
      folder: folder,
      port: port
    )
  }

  /// Runs both sides to their ends.
  func run(in folder: Scratch) throws -> (sender: Ended, receiver: Ended) {
    try start(in: folder).wait()
  }
}

/// The SHA-256 of a file, by sha256sum(1).
func checksum(of path: String, in folder: Scratch) throws -> String {
  let ended = try run("sha256sum < '\(path)'", in: folder)
  return try #require(ended.text.split(separator: " ").first.map(String.init))
}

/// Expects the good end at both sides, and equal bytes.
func expectEqual(
  _ ends: (sender: Ended, receiver: Ended),
  _ first: String,
  _ second: String,
  in folder: Scratch,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  #expect(ends.sender.status == 0, "\(ends.sender.messages)", sourceLocation: sourceLocation)
  #expect(ends.receiver.status == 0, "\(ends.receiver.messages)", sourceLocation: sourceLocation)
  let sums = try [first, second].map { try checksum(of: $0, in: folder) }
  #expect(sums[0] == sums[1], sourceLocation: sourceLocation)
}
