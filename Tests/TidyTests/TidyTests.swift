import Foundation
import Testing

// Goal: what design.md and the style promise about the source tree stays true.
// Method: every rule of `Rules` over every file that it is for; the formatter as a process.
// A failure names file and line. A rule that seems wrong is changed here, for all, or not at all.

private func expectNone(_ findings: [Finding]) {
  for finding in findings { Issue.record("\(finding)") }
}

@Test func `the tree is found`() {
  #expect(SourceTree.sources.count > 30)
  #expect(SourceTree.c.count > 5)
  #expect(Set(SourceTree.sources.compactMap(\.module)) == Set(Rules.imports.keys))
}

@Test func `nothing imports upward`() {
  expectNone(SourceTree.sources.flatMap(Rules.wrongImports))
}

@Test func `files, functions and lines are short`() {
  let code = SourceTree.swift + SourceTree.c
  expectNone(code.flatMap(Rules.longFiles) + code.flatMap(Rules.longFunctions))
  expectNone(SourceTree.c.flatMap(Rules.longLines))
}

@Test func `unsafe code stays where the kernel is`() {
  expectNone(SourceTree.sources.flatMap(Rules.unsafeCode))
}

@Test func `only the programs print`() {
  expectNone(SourceTree.sources.flatMap(Rules.printing))
}

@Test func `nothing is left unfinished`() {
  expectNone(SourceTree.files.flatMap(Rules.unfinishedWork))
}

@Test func `nothing is unwrapped by force`() {
  expectNone(SourceTree.swift.flatMap(Rules.forcedUnwraps))
}

@Test func `the core asks nobody for the time, a thread or chance`() {
  expectNone(SourceTree.sources.flatMap(Rules.outsideWorld))
  expectNone(SourceTree.swift.flatMap(Rules.unseededRandomness))
}

@Test func `the core goes through nothing in an order of chance`() {
  for module in Rules.core {
    let files = SourceTree.sources.filter { $0.module == module }
    let names = files.flatMap(Rules.unorderedNames)
    expectNone(files.flatMap { Rules.unorderedIteration($0, names: names) })
  }
}

@Test func `every function of the C header is used`() throws {
  let header = try #require(SourceTree.c.first { $0.path.hasSuffix("include/CLiburing.h") })
  #expect(Rules.declaredFunctions(header).count > 40)
  expectNone(Rules.unusedFunctions(header, sources: SourceTree.sources))
}

@Test func `documents name files that exist`() {
  let known = Set(
    SourceTree.files.map { $0.path.split(separator: "/").last.map(String.init) ?? "" }
  )
  expectNone(SourceTree.documents.flatMap { Rules.deadFileNames($0, known: known) })
}

@Test func `every fault has a test, and every test that is named for it exists`() throws {
  let table = try #require(SourceTree.documents.first { $0.path.hasSuffix("docc/Faults.md") })
  let tests = SourceTree.swift.filter { $0.path.hasPrefix("Tests/") }.flatMap(Rules.functions)
  let marks = SourceTree.sources.filter { $0.path.hasSuffix("Simulation/Marks.swift") }
  let targets = SourceTree.makeTargets.map { "make \($0)" }
  let known = Set(tests + marks.flatMap(Rules.cases) + targets)
  #expect(table.lines.count > 60)
  expectNone(Rules.unknownProofs(table, known: known))
}

@Test func `swift format has nothing to say`() throws {
  let format = Process()
  let output = Pipe()
  format.executableURL = URL(filePath: "/usr/bin/env")
  format.currentDirectoryURL = SourceTree.root
  format.arguments =
    ["swift", "format", "lint", "--strict", "--parallel", "--recursive"]
    + ["Package.swift", "Sources", "Tests"]
  format.standardError = output
  try format.run()
  let said = try output.fileHandleForReading.readToEnd() ?? Data()
  format.waitUntilExit()
  let lines = String(decoding: said, as: UTF8.self).split(separator: "\n")
  for line in lines { Issue.record("\(line)") }
  #expect(format.terminationStatus == 0)
}
