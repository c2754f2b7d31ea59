import Foundation
import Glibc
import Synchronization
import Testing

/// All tests of faults, one after the other: most of them measure time or rates.
@Suite(
  .serialized,
  .enabled(if: Lab.isWanted, "needs root for Tests/Lab/netlab; with REQUIRE_LAB=1 it fails instead")
)
enum FaultTests {
  /// Whether the long variants are to be run: FAULTS=full.
  static let isFull = ProcessInfo.processInfo.environment["FAULTS"] == "full"
}

/// Two hosts, a (10.99.0.1) and b (10.99.0.2), joined by links, of one test alone.
///
/// netlab takes them away when its command ends, and that ends when this process closes its input or
/// is gone; so nothing stays behind, whatever becomes of the test.
final class Lab {
  /// Whether tests that need the lab are run at all.
  static var isWanted: Bool {
    Braid.isRoot || ProcessInfo.processInfo.environment["REQUIRE_LAB"] != nil
  }

  /// Rate of each link in bit/s: slow enough for the links, not the processors, to be the limit.
  static let slowLink = 100_000_000
  /// What remains of a link's rate for payload at MTU 1500.
  static let payloadShare = 0.9564

  private static let tool = "\(Braid.packageRoot)/Tests/Lab/netlab"
  private let keeper = Process()
  private let lifeline = Foundation.Pipe()
  private let name: String

  /// Builds the hosts, with one link for each rate in bit/s.
  init(rates: [Int] = Array(repeating: Lab.slowLink, count: 4)) throws {
    let output = Foundation.Pipe()
    keeper.executableURL = URL(filePath: Self.tool)
    keeper.arguments =
      ["run", "-l", rates.map { "\($0)bit" }.joined(separator: " ")]
      + ["--", "sh", "-c", "echo $NETLAB; exec cat"]
    keeper.standardInput = lifeline
    keeper.standardOutput = output
    try keeper.run()
    let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    name = line.trimmingCharacters(in: .whitespacesAndNewlines)
    try #require(!name.isEmpty, "netlab could not build a lab")
  }

  deinit {
    try? lifeline.fileHandleForWriting.close()
    keeper.waitUntilExit()
  }

  /// The start of a command line that runs on a host.
  func on(_ host: String) -> String { "NETLAB=\(name) '\(Self.tool)' on \(host)" }

  /// Does something to a link: cut, heal, loss, reset.
  func link(_ number: Int, _ fault: String, _ detail: String = "") throws {
    let ended = try run("NETLAB=\(name) '\(Self.tool)' \(fault) \(number) \(detail)", in: Scratch())
    try #require(ended.status == 0, "\(ended.messages)")
  }
}

/// Random bytes for all tests; they are gone when this process is, however it ends.
enum Load {
  private static let files = Mutex<[Int: FileHandle]>([:])

  /// The path of a file of so many MiB, for us and for what we start.
  static func path(_ mebibyteCount: Int) throws -> String {
    if let file = files.withLock({ $0[mebibyteCount] }) { return path(file) }
    // In memory where there is room: a disk would disturb what is measured.
    let memory = try? FileManager.default.attributesOfFileSystem(forPath: "/dev/shm")
    let room = (memory?[.systemFreeSize] as? NSNumber)?.intValue ?? 0
    let temporary = FileManager.default.temporaryDirectory.path
    let folder = room > mebibyteCount << 21 ? "/dev/shm" : temporary
    let name = "\(folder)/braid-load-\(UUID().uuidString)"
    try Data().write(to: URL(filePath: name))
    let file = try #require(FileHandle(forUpdatingAtPath: name))
    try FileManager.default.removeItem(atPath: name)
    let ended = try run("head -c \(mebibyteCount)M /dev/urandom > \(path(file))", in: Scratch())
    try #require(ended.status == 0, "\(ended.messages)")
    files.withLock { $0[mebibyteCount] = file }
    return path(file)
  }

  private static func path(_ file: FileHandle) -> String {
    "/proc/\(getpid())/fd/\(file.fileDescriptor)"
  }
}

/// A sender at host a and a receiver at host b.
struct LabPair {
  /// MiB of random bytes that are sent.
  var mebibyteCount = 128
  /// After `braid send ADDRESS`.
  var send = ""
  /// After `braid receive`.
  var receive = ""
  /// Takes the receiver's output; nil compares it with what was sent.
  var consumer: String?
  /// Where the sender finds the receiver.
  var place = "10.99.0.2"
  /// Variables of both sides.
  var environment: [String: String] = [:]
  /// Seconds.
  var limit = 60.0

  /// Both ends of a transfer in the lab.
  struct Started {
    let pair: Pair.Started
    let sender: Int32
    let receiver: Int32

    /// Waits for both, and expects that all went well and the bytes are the same.
    @discardableResult
    func expectEqual(
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> (sender: Ended, receiver: Ended) {
      let ends = try pair.wait()
      #expect(ends.sender.status == 0, "\(ends.sender.messages)", sourceLocation: sourceLocation)
      #expect(
        ends.receiver.status == 0,
        "\(ends.receiver.messages)",
        sourceLocation: sourceLocation
      )
      #expect(pair.folder.text("same") == "same\n", sourceLocation: sourceLocation)
      return ends
    }

    /// Payload and headers that each link has carried away from the sender, in bytes.
    func carried() throws -> [Int] {
      let text = try String(contentsOfFile: "/proc/\(sender)/net/dev", encoding: .utf8)
      return text.split(separator: "\n").compactMap { line in
        let fields = line.split { $0 == " " || $0 == ":" }
        guard fields.count > 9, fields[0].hasPrefix("a") else { return nil }
        return Int(fields[9])
      }
    }

    /// The share of its payload rate at which each link is used, over some seconds.
    func use(over time: Double, rate: Int = Lab.slowLink) throws -> [Double] {
      let (before, start) = (try carried(), ContinuousClock.now)
      Thread.sleep(forTimeInterval: time)
      let (after, elapsed) = (try carried(), ContinuousClock.now - start)
      let seconds = elapsed / .seconds(1)
      return zip(before, after).map { Double(($1 - $0) * 8) / seconds / Double(rate) }
    }
  }

  /// Starts both sides, and returns when the sender runs.
  func start(in lab: Lab, _ folder: Scratch) throws -> Started {
    let load = try Load.path(mebibyteCount)
    let consumer = consumer ?? "| cmp - \(load) && echo same > same"
    let receiver = try Running(
      """
      ( \(lab.on("b")) sh -c 'echo $$ > receiver.pid; exec "$BRAID" receive \(receive)'; \
      echo $? > status ) \(consumer)
      """,
      name: "receiver",
      in: folder,
      limit: limit,
      environment: environment
    )
    let receiverID = try processID("receiver", in: folder)
    try until("the receiver listens", within: 10) {
      let text = try? String(contentsOfFile: "/proc/\(receiverID)/net/tcp6", encoding: .ascii)
      return text?.contains(":6A6B ") == true
    }
    let sender = try Running(
      """
      \(lab.on("a")) sh -c 'echo $$ > sender.pid; \
      exec "$BRAID" send \(place) --input \(load) \(send)'
      """,
      name: "sender",
      in: folder,
      limit: limit,
      environment: environment
    )
    return Started(
      pair: Pair.Started(sender: sender, receiver: receiver, folder: folder, port: 27243),
      sender: try processID("sender", in: folder),
      receiver: receiverID
    )
  }

  private func processID(_ side: String, in folder: Scratch) throws -> Int32 {
    var number: Int32?
    try until("\(side) has started", within: 10) {
      number = Int32(folder.text("\(side).pid").trimmingCharacters(in: .whitespacesAndNewlines))
      return number != nil
    }
    return try #require(number)
  }
}

/// Tells a figure to whoever runs the long variants by hand.
func tell(_ text: String) {
  if FaultTests.isFull { FileHandle.standardError.write(Data("figure: \(text)\n".utf8)) }
}

/// The rate in a summary, in bit/s.
func rate(in messages: String) throws -> Double {
  let match = try #require(messages.firstMatch(of: /([0-9.]+) ([MG])bit\/s/), "\(messages)")
  return try #require(Double(match.1)) * (match.2 == "G" ? 1e9 : 1e6)
}
