import Foundation
import Testing

/// All tests of the command, one after the other: they share two processors, and some measure time.
@Suite(.serialized) enum CommandLineTests {}

/// The command under test, as a user has it.
enum Braid {
  /// What to do when there is nothing to test.
  struct Missing: Error, CustomStringConvertible {
    let description = """
      there is no braid to test. Build it (swift build -c release), or name it in the variable BRAID.
      """
  }

  /// The path in BRAID, else the newer one of the release and the debug build.
  static let path: Result<String, Missing> = {
    if let path = ProcessInfo.processInfo.environment["BRAID"] { return .success(path) }
    let builds = ["release", "debug"].map { packageRoot + "/.build/\($0)/braid" }
    let newest = builds.compactMap { path in
      modificationDate(path).map { (path, $0) }
    }.max { $0.1 < $1.1 }
    guard let newest else { return .failure(Missing()) }
    return .success(newest.0)
  }()

  /// The folder of Package.swift.
  static let packageRoot = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path

  /// Whether this run is the one that may not skip anything.
  static var isContinuousIntegration: Bool { ProcessInfo.processInfo.environment["CI"] != nil }

  /// Whether the command under test is one that ThreadSanitizer makes ten times slower.
  static let isSlow = ProcessInfo.processInfo.environment["SLOW"] != nil

  /// Whether we may do what only root may.
  static let isRoot = NSUserName() == "root"

  /// Whether a program can be called; where nothing may be skipped, it had better be there.
  static func has(_ program: String) -> Bool {
    let folders = ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin"]
    return isContinuousIntegration
      || folders.contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(program)") }
  }

  private static func modificationDate(_ path: String) -> Date? {
    // The build folders are links, and so may be the file.
    let resolved = URL(filePath: path).resolvingSymlinksInPath().path
    let attributes = try? FileManager.default.attributesOfItem(atPath: resolved)
    return attributes?[.modificationDate] as? Date
  }
}
