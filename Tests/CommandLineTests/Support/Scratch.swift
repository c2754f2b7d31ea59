import Foundation

/// A folder that goes away with the test.
final class Scratch {
  /// Where it is.
  let url: URL

  /// Makes an empty folder that every user may enter.
  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "braid-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: url,
      withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o777]
    )
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  /// Whether there are files of 1 TiB where these folders are, and whoever may skip nothing has them.
  static let hasLongFiles: Bool = {
    if Braid.isContinuousIntegration { return true }
    guard let folder = try? Scratch(), let file = try? folder.handle("long") else { return false }
    return (try? file.truncate(atOffset: 1 << 40)) != nil
  }()

  /// The path of a file in it.
  func path(_ name: String) -> String { url.appending(path: name).path }

  /// A fresh file, open for writing.
  func handle(_ name: String) throws -> FileHandle {
    try Data().write(to: url.appending(path: name))
    return try FileHandle(forWritingTo: url.appending(path: name))
  }

  /// A file's content; empty if there is none.
  func data(_ name: String) -> Data { (try? Data(contentsOf: url.appending(path: name))) ?? Data() }

  /// A file's content as text.
  func text(_ name: String) -> String { String(decoding: data(name), as: UTF8.self) }
}

/// Random bytes that all tests share.
enum Sample {
  /// How many there are; more than all memory that braid has for frames.
  static let byteCount = 64 << 20

  /// Their file; made once, and removed when the tests are over.
  static let path: String = {
    let path = "\(FileManager.default.temporaryDirectory.path)/braid-sample-\(getpid())"
    let maker = Process()
    maker.executableURL = URL(filePath: "/bin/sh")
    maker.arguments = [
      "-c", "head -c \(byteCount) /dev/urandom > '\(path)' && chmod 644 '\(path)'",
    ]
    try? maker.run()
    maker.waitUntilExit()
    atexit { try? FileManager.default.removeItem(atPath: Sample.path) }
    return path
  }()
}

/// Ports for listeners.
enum Port {
  /// A port that nobody uses.
  ///
  /// Below the range from which the kernel takes ports for outgoing connections: a dialler that tries
  /// a port of that range for long enough can meet itself.
  static func unused() -> Int {
    let used = Set(sockets().map(\.port))
    // Tests in other processes choose ports too; chance keeps them apart.
    var chance = SystemRandomNumberGenerator()
    while true {
      let port = Int.random(in: 10_240..<32_768, using: &chance)
      if !used.contains(port) { return port }
    }
  }

  /// Waits until somebody listens at the port, in the network of a process, or the listener has ended.
  ///
  /// Longer than a receiver waits for a killed one's file.
  static func waitForListener(
    at port: Int,
    _ listener: Running? = nil,
    near process: () -> String = { "self" }
  ) throws {
    try until("somebody listens at port \(port)", within: 15) {
      let process = process().trimmingCharacters(in: .whitespacesAndNewlines)
      return listener?.isRunning == false
        || sockets(near: process).contains { $0.port == port && $0.isListening }
    }
  }

  private typealias Socket = (port: Int, isListening: Bool)

  private static func sockets(near process: String = "self") -> [Socket] {
    ["/proc/\(process)/net/tcp", "/proc/\(process)/net/tcp6"].flatMap { path -> [Socket] in
      let text = (try? String(contentsOfFile: path, encoding: .ascii)) ?? ""
      return text.split(separator: "\n").dropFirst().compactMap { line -> Socket? in
        // sl, local address:port, remote address:port, state (0A: listening), all in hexadecimal.
        let fields = line.split(separator: " ")
        guard fields.count > 3, let port = fields[1].split(separator: ":").last,
          let number = Int(port, radix: 16)
        else { return nil }
        return (number, fields[3] == "0A")
      }
    }
  }
}
