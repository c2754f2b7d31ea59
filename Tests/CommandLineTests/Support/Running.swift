import Foundation
import Glibc
import Testing

/// How a process ended.
struct Ended {
  /// The exit status; 128 + n after signal n, as the shell counts.
  let status: Int32
  /// Standard output.
  let output: Data
  /// Standard error.
  let messages: String

  /// Standard output as text.
  var text: String { String(decoding: output, as: UTF8.self) }
}

/// A process that cannot outlive its test.
///
/// It runs under timeout(1), which kills it and its children when its time is up, whatever becomes of
/// the test; its output goes to files, so that nobody has to read along.
final class Running {
  private let process = Process()
  private let folder: Scratch
  private let name: String
  private let limit: Double

  /// Starts a shell script in the folder; `$BRAID` is the command under test.
  init(
    _ script: String,
    name: String,
    in folder: Scratch,
    limit: Double = 30,
    environment: [String: String] = [:]
  ) throws {
    self.folder = folder
    self.name = name
    self.limit = limit
    var variables = ProcessInfo.processInfo.environment
    variables["BRAID"] = try Braid.path.get()
    variables["BRAID_KEY"] = nil
    variables["COLUMNS"] = "80"
    variables.merge(environment) { _, new in new }
    process.executableURL = URL(filePath: "/usr/bin/timeout")
    process.arguments = ["-k", "1", "\(limit)", "/bin/sh", "-c", script]
    process.environment = variables
    process.currentDirectoryURL = folder.url
    process.standardInput = FileHandle.nullDevice
    let (output, messages) = (try folder.handle(name + ".out"), try folder.handle(name + ".err"))
    process.standardOutput = output
    process.standardError = messages
    try process.run()
    // The child has its own; a few hundred that are left open, and Foundation crashes.
    try output.close()
    try messages.close()
  }

  /// Starts a command of braid that listens at a port that nobody uses, and waits until it does.
  static func listener(
    _ command: String,
    at address: String? = nil,
    in folder: Scratch
  ) throws -> (running: Running, port: Int) {
    let port = Port.unused()
    let place = address.map { "\($0):\(port)" } ?? "\(port)"
    let script = "exec \"$BRAID\" \(command) --listen \(place)"
    let running = try Running(script, name: "listener", in: folder)
    try Port.waitForListener(at: port)
    return (running, port)
  }

  deinit { stop() }

  /// Ends it now: a test's other things may be taken away only after it.
  func end() throws {
    stop()
    _ = try wait()
  }

  /// Ends the process group that Foundation has made for it.
  ///
  /// braid takes SIGTERM, and ends its command, which has a group of its own. Others would not notice:
  /// signals are blocked in the thread that starts them, and they inherit that.
  private func stop() {
    guard process.isRunning else { return }
    kill(-process.processIdentifier, SIGTERM)
    try? until("\(name) ends", within: 0.5) { !process.isRunning }
    if process.isRunning { kill(-process.processIdentifier, SIGKILL) }
  }

  /// Whether it still runs.
  var isRunning: Bool { process.isRunning }

  /// What stands on its standard output so far.
  var output: String { folder.text(name + ".out") }

  /// What stands on its standard error so far.
  var messages: String { folder.text(name + ".err") }

  /// Waits for the end; timeout(1) sees to it that there is one.
  func wait() throws -> Ended {
    try until("\(name) ends", within: limit + 3) { !process.isRunning }
    let isExit = process.terminationReason == .exit
    return Ended(
      status: isExit ? process.terminationStatus : 128 + process.terminationStatus,
      output: folder.data(name + ".out"),
      messages: messages
    )
  }
}

/// Something did not come about in time.
struct TooLate: Error, CustomStringConvertible {
  let description: String
}

/// Waits until something is so, and no longer than the limit in seconds.
func until(_ what: String, within limit: Double, _ condition: () throws -> Bool) throws {
  let end = ContinuousClock.now + .seconds(limit)
  while try !condition() {
    guard .now < end else { throw TooLate(description: "in \(limit) s not true: \(what)") }
    // Often enough not to add to what is waited for, seldom enough not to disturb it.
    Thread.sleep(forTimeInterval: 0.005)
  }
}

/// Runs a script to its end.
func run(
  _ script: String,
  in folder: Scratch,
  limit: Double = 30,
  environment: [String: String] = [:]
) throws -> Ended {
  try Running(script, name: "run", in: folder, limit: limit, environment: environment).wait()
}

/// Runs braid with these arguments to its end.
func braid(_ arguments: String, environment: [String: String] = [:]) throws -> Ended {
  let folder = try Scratch()
  return try run("exec \"$BRAID\" \(arguments)", in: folder, environment: environment)
}
