import Testing

// Goal: each rule of `Rules` can fail, and says where.
// Method: a few lines that break it, and their neighbours that do not.
// A failure means: the tree is no longer looked at for what the rule is about.

private func core(_ text: String) -> SourceFile {
  SourceFile(path: "Sources/Transfer/Sample.swift", text: text)
}

@Test func `an import that is not in the table is found`() {
  let text = """
    import Wire
    public import Wire
    // import Glibc
    import Glibc
    @preconcurrency internal import struct Foundation.Date
    let name = "import Crypto"
    """
  #expect(Rules.wrongImports(core(text)).map(\.line) == [4, 5])
  let driver = SourceFile(path: "Sources/Driver/Sample.swift", text: text)
  #expect(Rules.wrongImports(driver).map(\.line) == [5])
  let unknown = SourceFile(path: "Sources/Extra/Sample.swift", text: "import Wire")
  #expect(Rules.wrongImports(unknown).map(\.line) == [1])
  let test = SourceFile(path: "Tests/WireTests/Sample.swift", text: "import Foundation")
  #expect(Rules.wrongImports(test).isEmpty)
}

@Test func `a long file is found`() {
  let allowed = String(repeating: "\n", count: 500)
  #expect(Rules.longFiles(core(allowed)).isEmpty)
  #expect(Rules.longFiles(core(allowed + "\n")).map(\.line) == [501])
}

@Test func `a long function is found, and a long type is none`() {
  func sample(_ count: Int, _ opening: String) -> SourceFile {
    let body = String(repeating: "    if a { b() }\n", count: count)
    return core("struct A {\n  var stored: Int\n  \(opening) {\n\(body)  }\n}\n")
  }
  let openings = [
    "func `a b`()", "init?(a: Int)", "deinit", "var sum: Int", "subscript(a: Int) -> Int",
  ]
  for opening in openings {
    #expect(Rules.longFunctions(sample(68, opening)).isEmpty)
    #expect(Rules.longFunctions(sample(69, opening)).map(\.line) == [3], "\(opening)")
  }
  #expect(Rules.longFunctions(sample(69, "enum B: Int")).isEmpty)
  #expect(Rules.longFunctions(sample(69, "static let table: [Int] =")).isEmpty)
  #expect(Rules.longFunctions(sample(69, "var table: [Int] =")).isEmpty)
}

@Test func `a long C function and a long C line are found`() {
  let body = String(repeating: "  if (a) { b('\"'); }\n", count: 69)
  let file = SourceFile(path: "CLiburing/a.c", text: "struct a {\n};\nint f(void) {\n\(body)}\n")
  #expect(Rules.longFunctions(file).map(\.line) == [3])
  let wide = "\n" + String(repeating: "x", count: 101)
  #expect(Rules.longLines(SourceFile(path: "CLiburing/a.c", text: wide)).map(\.line) == [2])
}

@Test func `unsafe code is found`() {
  let text = """
    let a = unsafe b
    // unsafe
    let c = "unsafe"
    let d: UnsafeRawPointer
    nonisolated(unsafe) var e = 1
    let f = "\\(unsafe g)"
    """
  #expect(Rules.unsafeCode(core(text)).map(\.line) == [1, 4, 5, 6])
  #expect(Rules.unsafeCode(SourceFile(path: "Sources/Uring/A.swift", text: text)).isEmpty)
}

@Test func `printing is found`() {
  let text = """
    print("a")
    blueprint("a")
    out.print("a")
    func print(_ text: String) {}
    if a { debugPrint(b) }
    """
  #expect(Rules.printing(core(text)).map(\.line) == [1, 5])
  #expect(Rules.printing(SourceFile(path: "Sources/braid/A.swift", text: text)).isEmpty)
}

@Test func `unfinished work is found`() {
  let text = "// fine\n// TO" + "DO: more\n/* FIX" + "ME */"
  #expect(Rules.unfinishedWork(core(text)).map(\.line) == [2, 3])
  #expect(Rules.unfinishedWork(SourceFile(path: "CLiburing/a.c", text: text)).count == 2)
}

@Test func `a forced unwrap is found`() {
  let text = """
    let a = b!
    let c = d[0]!.e
    let f = try! g()
    let h = i as! J
    var k: Int!
    let l = !m && n != o && !(p)
    // let q = r!
    let s = "t!"
    func `u!`() {}
    """
  #expect(Rules.forcedUnwraps(core(text)).map(\.line) == [1, 2, 3, 4, 5])
}

@Test func `a question to the outside world is found`() {
  let text = """
    func a() async {}
    let clock = ContinuousClock()
    let synchronize = 1
    Task { await b() }
    """
  #expect(Rules.outsideWorld(core(text)).map(\.line) == [1, 2, 4, 4])
  #expect(Rules.outsideWorld(SourceFile(path: "Sources/braid/A.swift", text: text)).isEmpty)
}

@Test func `randomness without a seed is found`() {
  let text = """
    let a = Int.random(in: 0..<3)
    let b = Int.random(in: 0..<f(3), using: &c)
    let d: UInt8 = .random(in: 0...9)
    let e = options.random()
    let g = Bool.random()
    let h = i.shuffled()
    let j = i.shuffled(using: &c)
    let k = i.randomElement()
    let l = Session(random: options.random)
    """
  #expect(Rules.unseededRandomness(core(text)).map(\.line) == [1, 3, 4, 5, 6, 8])
  let test = SourceFile(path: "Tests/WireTests/A.swift", text: text)
  #expect(Rules.unseededRandomness(test).count == 6)
}

@Test func `iteration over a dictionary or a set is found`() {
  let text = """
    var table: [Int: String] = [:]
    let names: Set<String>
    let pairs: [(key: Int, value: Int)] = []
    var other = [Int: [Int]]()
    for (a, b) in table { c(a, b) }
    for name in self.names { c(name) }
    let d = table.values.first
    let e = table[3]
    table.removeValue(forKey: 3)
    for pair in pairs { c(pair) }
    if table.isEmpty, names.contains("a") { return }
    for f in table[3] { c(f) }
    other.forEach(c)
    """
  let file = core(text)
  #expect(Rules.unorderedNames(file) == ["table", "names", "other"])
  let found = Rules.unorderedIteration(file, names: Rules.unorderedNames(file))
  #expect(found.map(\.line) == [5, 6, 7, 13])
}

@Test func `an unused function of the header is found`() {
  let text = """
    // clu_old(1)
    int clu_used(int a);
    #define CLU_ONE 1
    bool clu_unused(clu_ring *ring,
                    int a);
    """
  let header = SourceFile(path: "CLiburing/include/CLiburing.h", text: text)
  let user = SourceFile(path: "Sources/Uring/A.swift", text: "// clu_unused\nlet a = clu_used(1)")
  #expect(Rules.unusedFunctions(header, sources: [user]).map(\.line) == [4])
}

@Test func `a fault without a test is found`() {
  let text = """
    | fault | what braid does | shown by |
    |---|---|---|
    | a | `x` | `one test`, `aMark` |
    | b | b | nothing |
    | c | c | `no test` |
    """
  let table = SourceFile(path: "Sources/Transfer/Transfer.docc/Faults.md", text: text)
  let code = core("enum A { case other, aMark }\nfunc `one test`() {}")
  let known = Set(Rules.functions(code) + Rules.cases(code))
  #expect(Rules.unknownProofs(table, known: known).map(\.line) == [4, 5])
}

@Test func `a document that names a missing file is found`() {
  let text = "See `Sources/Wire/A.swift` and `B.swift`,\nnot `<liburing.h>` or `gone.c`."
  let document = SourceFile(path: "Sources/Wire/Wire.docc/Protocol.md", text: text)
  let found = Rules.deadFileNames(document, known: ["A.swift", "B.swift"])
  #expect(found.map(\.line) == [2])
}
