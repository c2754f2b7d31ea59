import Foundation
import Simulation
import Testing

@Suite struct DeterminismTests {
  /// `swift test` builds every product of the package into one folder.
  private static let tool = Bundle.main.bundleURL.deletingLastPathComponent()
    .appendingPathComponent("debug/simulate")

  /// Where nothing may be skipped, it had better be there.
  private static let hasTool =
    ProcessInfo.processInfo.environment["CI"] != nil
    || FileManager.default.isExecutableFile(atPath: tool.path)

  @Test(arguments: [3, 46, 975] as [UInt64])
  func `the same seed gives the same trace, with and without a reader`(seed: UInt64) {
    let silent = Simulator(seed: seed).run()
    let loud = Simulator(seed: seed).run(sink: { _ in })
    #expect(silent.traceHash == loud.traceHash)
    #expect(silent.stepCount == loud.stepCount)
    #expect(Simulator(seed: seed + 1).run().traceHash != silent.traceHash)
  }

  // Swift seeds its hashes anew in every process: an order of a Dictionary or a Set would show here.
  @Test(.enabled(if: DeterminismTests.hasTool, "simulate is not built; `swift build` makes it"))
  func `the same seed gives the same trace in another process`() throws {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = Self.tool
    process.arguments = ["--seed", "46"]
    process.standardOutput = pipe
    try process.run()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(output.hasPrefix(Simulator(seed: 46).run().description))
  }
}
