import Foundation
import Testing

/// Tests/Lab/mischief under way: a proxy or a guest that does what it should not.
final class Mischief {
  /// Whether it can be started here.
  static var isPossible: Bool { Braid.has("python3") }

  private static let tool = "\(Braid.packageRoot)/Tests/Lab/mischief"
  private let running: Running
  private let folder: Scratch
  private let name: String

  /// Starts it; a proxy listens when this returns.
  ///
  /// `arguments` are a command of mischief with its options, `prefix` what stands in front of it,
  /// such as the way to another host; it is ended after `limit` seconds.
  init(_ arguments: String, prefix: String = "", in folder: Scratch, limit: Double = 60) throws {
    self.folder = folder
    name = "mischief-\(UUID().uuidString)"
    running = try Running(
      "\(prefix) sh -c 'echo $$ > \(name).pid; exec python3 \"\(Self.tool)\" \(arguments)'",
      name: name,
      in: folder,
      limit: limit
    )
    guard arguments.contains("--listen") else { return }
    try until("the proxy listens", within: 10) { running.output.hasPrefix("ready\n") }
  }

  /// Starts a proxy in front of a port.
  ///
  /// - Returns: it, and the port where it listens.
  static func proxy(_ arguments: String, to port: Int, in folder: Scratch) throws
    -> (Mischief, port: Int)
  {
    let own = Port.unused()
    let places = "--listen 127.0.0.1:\(own) --to 127.0.0.1:\(port)"
    return (try Mischief("\(arguments) \(places)", in: folder), own)
  }

  /// Whether it is still there.
  var isRunning: Bool { running.isRunning }

  /// Waits for a guest's end, and returns what it said.
  func wait() throws -> String {
    let ended = try running.wait()
    try #require(ended.status == 0, "\(ended.messages)")
    return ended.text
  }

  /// Ends a proxy, and returns what it says that it did.
  func end() throws -> String {
    let number = try #require(
      Int32(folder.text("\(name).pid").trimmingCharacters(in: .whitespacesAndNewlines))
    )
    kill(number, SIGTERM)
    return String(try running.wait().text.dropFirst("ready\n".count))
  }
}

/// A number in a summary, in front of some words; 0 where they are missing.
func count(of words: String, in messages: String) -> Int {
  guard let end = messages.range(of: " \(words)", options: .backwards)?.lowerBound else { return 0 }
  return Int(messages[..<end].split { !$0.isNumber }.last ?? "") ?? 0
}
