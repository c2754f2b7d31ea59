/// Something that breaks a rule.
struct Finding: CustomStringConvertible {
  let path: String
  let line: Int
  let message: String

  init(_ file: SourceFile, _ line: Int, _ message: String) {
    path = file.path
    self.line = line
    self.message = message
  }

  var description: String { "\(path):\(line): \(message)" }
}

/// The rules of the repository that the compiler does not know, each a function of one file.
enum Rules {
  // MARK: Layers

  /// What each module may import (design.md, section 3); Package.swift holds the same arrows.
  static let imports: [String: [String]] = [
    "Wire": [],
    "Transfer": ["Wire"],
    "Links": ["Glibc"],
    "Uring": ["CLiburing", "Glibc"],
    "Driver": ["Transfer", "Wire", "Uring", "Links", "Glibc", "Synchronization"],
    "Simulation": ["Transfer", "Wire", "Synchronization"],
    "simulate": ["Simulation", "Glibc"],
    "braid": [
      "Driver", "Transfer", "Wire", "Links", "ArgumentParser", "Crypto", "Glibc",
      // The whole of Foundation would cost 7 MiB of resident memory more.
      "FoundationEssentials",
    ],
  ]

  static func wrongImports(_ file: SourceFile) -> [Finding] {
    guard let module = file.module else { return [] }
    guard let allowed = imports[module] else {
      return [Finding(file, 1, "module \(module) is not in the import table")]
    }
    return indices(in: file, of: ["import"]).compactMap { index in
      var next = index + 1
      let kinds = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
      while next < file.tokens.count, kinds.contains(file.tokens[next].text) { next += 1 }
      guard next < file.tokens.count, !allowed.contains(file.tokens[next].text) else { return nil }
      let name = file.tokens[next].text
      return Finding(file, file.tokens[index].line, "\(module) must not import \(name)")
    }
  }

  // MARK: Sizes

  static let fileLineLimit = 500
  static let functionLineLimit = 70
  static let columnLimit = 100

  static func longFiles(_ file: SourceFile) -> [Finding] {
    guard file.lineCount > fileLineLimit else { return [] }
    return [Finding(file, fileLineLimit + 1, "\(file.lineCount) lines, \(fileLineLimit) allowed")]
  }

  /// For C; in Swift the formatter looks after it.
  static func longLines(_ file: SourceFile) -> [Finding] {
    file.lines.indices.filter { file.lines[$0].count > columnLimit }.map {
      Finding(file, $0 + 1, "\(file.lines[$0].count) columns, \(columnLimit) allowed")
    }
  }

  static func longFunctions(_ file: SourceFile) -> [Finding] {
    functions(of: file).compactMap { first, last in
      guard last - first + 1 > functionLineLimit else { return nil }
      let message = "a function of \(last - first + 1) lines, \(functionLineLimit) allowed"
      return Finding(file, first, message)
    }
  }

  /// First and last line of everything with a body that runs; closures count for what is around them.
  private static func functions(of file: SourceFile) -> [(first: Int, last: Int)] {
    var found: [(first: Int, last: Int)] = []
    /// Per open bracket: where the function that it is the body of starts, 0 for all others.
    var open: [Int] = []
    var head = 0
    for (index, token) in file.tokens.enumerated() {
      switch token.text {
      case "(", "[":
        open.append(0)
      case ")", "]":
        _ = open.popLast()
      case "{":
        let start = functionStart(file, head: file.tokens[head..<index], isOutermost: open.isEmpty)
        open.append(start)
        head = index + 1
      case "}":
        let start = open.popLast() ?? 0
        if start > 0 { found.append((start, token.line)) }
        head = index + 1
      case ";":
        head = index + 1
      default:
        break
      }
    }
    return found
  }

  /// The line on which the function begins whose body `head` stands before; 0 if it is none.
  private static func functionStart(
    _ file: SourceFile,
    head: ArraySlice<Token>,
    isOutermost: Bool
  ) -> Int {
    guard file.path.hasSuffix(".swift") else {
      return isOutermost && head.last?.text == ")" ? head.last?.line ?? 0 : 0
    }
    let types = ["struct", "enum", "class", "actor", "protocol", "extension"]
    let words = ["func", "init", "deinit", "subscript", "var"] + types
    guard let index = head.lastIndex(where: { words.contains($0.text) }) else { return 0 }
    let isStored = head[index].text == "var" && head[index...].contains { $0.text == "=" }
    return isStored || types.contains(head[index].text) ? 0 : head[index].line
  }

  // MARK: Words

  static let mayBeUnsafe = ["Uring", "Links", "Driver"]

  static func unsafeCode(_ file: SourceFile) -> [Finding] {
    guard let module = file.module, !mayBeUnsafe.contains(module) else { return [] }
    return file.tokens.filter { $0.text.lowercased().contains("unsafe") }.map {
      Finding(file, $0.line, "\($0.text) belongs into \(mayBeUnsafe.joined(separator: ", "))")
    }
  }

  static let mayPrint = ["braid", "simulate"]

  static func printing(_ file: SourceFile) -> [Finding] {
    guard let module = file.module, !mayPrint.contains(module) else { return [] }
    return indices(in: file, of: ["print", "debugPrint", "dump"]).filter { index in
      index + 1 < file.tokens.count && file.tokens[index + 1].text == "("
        && !(index > 0 && ["func", "."].contains(file.tokens[index - 1].text))
    }.map { Finding(file, file.tokens[$0].line, "stdout is data: report to the caller instead") }
  }

  /// Put together here, so that this file does not break its own rule.
  private static let unfinished = ["TO" + "DO", "FIX" + "ME"]

  static func unfinishedWork(_ file: SourceFile) -> [Finding] {
    file.lines.indices.filter { index in
      unfinished.contains { file.lines[index].contains($0) }
    }.map { Finding(file, $0 + 1, "finish it, or open an issue") }
  }

  static func forcedUnwraps(_ file: SourceFile) -> [Finding] {
    let tokens = file.tokens
    return tokens.indices.dropFirst().filter { index in
      guard tokens[index].text == "!", tokens[index].isAttached else { return false }
      if index + 1 < tokens.count, tokens[index + 1].text == "=", tokens[index + 1].isAttached {
        return false
      }
      let before = tokens[index - 1].text
      return before.utf8.first.map(isWordByte) == true
        || [")", "]", "}", "?", "\""].contains(before)
    }.map { Finding(file, tokens[$0].line, "\(tokens[$0 - 1].text)! may trap; throw or decide") }
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "_") || byte >= 0x80 || Character(Unicode.Scalar(byte)).isLetter
      || Character(Unicode.Scalar(byte)).isNumber
  }

  // MARK: The core is a function of its input

  static let core = ["Wire", "Transfer", "Simulation"]

  static func outsideWorld(_ file: SourceFile) -> [Finding] {
    guard let module = file.module, core.contains(module) else { return [] }
    let words = [
      "async", "await", "actor", "Task", "ContinuousClock", "SuspendingClock", "Date",
      "SystemRandomNumberGenerator", "Mutex", "Atomic", "hashValue",
    ]
    return indices(in: file, of: words).compactMap {
      // The simulated source of random bits is `Sendable`, and has a state that the seed decides.
      if module == "Simulation", file.tokens[$0].text == "Atomic" { return nil }
      return Finding(
        file,
        file.tokens[$0].line,
        "\(file.tokens[$0].text) has no place in \(module)"
      )
    }
  }

  /// Random numbers that no seed decides; for the core and for tests.
  static func unseededRandomness(_ file: SourceFile) -> [Finding] {
    guard file.module.map(core.contains) ?? file.path.hasPrefix("Tests/") else { return [] }
    let words = ["random", "randomElement", "shuffled", "shuffle"]
    return indices(in: file, of: words).compactMap { index in
      guard index > 0, file.tokens[index - 1].text == "." else { return nil }
      let arguments = arguments(in: file, after: index)
      guard let arguments, !arguments.contains("using") else { return nil }
      return Finding(file, file.tokens[index].line, "random numbers need `using:`")
    }
  }

  /// Iteration in an order that differs from run to run.
  ///
  /// Only collections that are declared with their type are recognised; ours are.
  static func unorderedIteration(_ file: SourceFile, names: [String]) -> [Finding] {
    guard let module = file.module, core.contains(module) else { return [] }
    let harmless = [
      "isEmpty", "count", "removeAll", "removeValue", "remove", "insert", "contains", "subtract",
      "update", "updateValue", "reserveCapacity", "formUnion",
    ]
    return indices(in: file, of: names).compactMap { index in
      let isLoop = isIterated(file, at: index)
      guard index + 1 < file.tokens.count else { return nil }
      let isMember = file.tokens[index + 1].text == "." && file.tokens[index + 1].isAttached
      let member = isMember && index + 2 < file.tokens.count ? file.tokens[index + 2].text : ""
      let isHarmless = harmless.contains(member) || file.tokens[index + 1].text == "["
      guard isLoop && !isHarmless || isMember && !isHarmless else { return nil }
      let name = file.tokens[index].text
      return Finding(file, file.tokens[index].line, "\(name) has no order that a seed decides")
    }
  }

  /// Names of the variables of a file whose type is a dictionary or a set.
  static func unorderedNames(_ file: SourceFile) -> [String] {
    indices(in: file, of: ["var", "let"]).compactMap { index in
      guard index + 3 < file.tokens.count, [":", "="].contains(file.tokens[index + 2].text) else {
        return nil
      }
      let name = file.tokens[index + 1].text
      if ["Set", "Dictionary"].contains(file.tokens[index + 3].text) { return name }
      guard file.tokens[index + 3].text == "[" else { return nil }
      var depth = 0
      for token in file.tokens[(index + 3)...] {
        if ["[", "("].contains(token.text) { depth += 1 }
        if ["]", ")"].contains(token.text) { depth -= 1 }
        if depth == 1, token.text == ":" { return name }
        if depth == 0 { return nil }
      }
      return nil
    }
  }

  /// Whether the word is what a `for` loop goes through: `in` stands before it, or before `self.`.
  private static func isIterated(_ file: SourceFile, at index: Int) -> Bool {
    var before = index - 1
    while before > 0, file.tokens[before].text == "." { before -= 2 }
    return before >= 0 && file.tokens[before].text == "in"
  }

  // MARK: C

  /// Functions that a header declares.
  static func declaredFunctions(_ header: SourceFile) -> [(name: String, line: Int)] {
    header.tokens.indices.dropLast().compactMap { index in
      let token = header.tokens[index]
      guard token.text.hasPrefix("clu_"), header.tokens[index + 1].text == "(" else { return nil }
      return (token.text, token.line)
    }
  }

  static func unusedFunctions(_ header: SourceFile, sources: [SourceFile]) -> [Finding] {
    var used: Set<String> = []
    for file in sources { used.formUnion(file.tokens.map(\.text)) }
    return declaredFunctions(header).filter { !used.contains($0.name) }.map {
      Finding(header, $0.line, "\($0.name) is used nowhere in Swift")
    }
  }

  // MARK: Documents

  /// Swift and C files that a document names in backticks and that are not there.
  static func deadFileNames(_ file: SourceFile, known: Set<String>) -> [Finding] {
    file.lines.enumerated().flatMap { index, line -> [Finding] in
      let quoted = line.split(separator: "`", omittingEmptySubsequences: false)
      return stride(from: 1, to: quoted.count, by: 2).compactMap { place in
        let name = quoted[place]
        guard [".swift", ".c", ".h"].contains(where: { name.hasSuffix($0) }), !name.contains(" "),
          let last = name.split(separator: "/").last, !name.contains("<"),
          !known.contains(String(last))
        else { return nil }
        return Finding(file, index + 1, "there is no file \(name)")
      }
    }
  }

  /// Rows of a table whose last column names nothing, or something that is not known.
  static func unknownProofs(_ file: SourceFile, known: Set<String>) -> [Finding] {
    file.lines.enumerated().flatMap { index, line -> [Finding] in
      let isHead = line.hasSuffix("| shown by |") || line.hasSuffix("|---|")
      guard line.hasPrefix("|"), !isHead, let cell = line.dropLast().split(separator: "|").last
      else { return [] }
      let quoted = cell.split(separator: "`", omittingEmptySubsequences: false)
      let names = stride(from: 1, to: quoted.count, by: 2).map { String(quoted[$0]) }
      if names.isEmpty { return [Finding(file, index + 1, "nothing shows it")] }
      return names.filter { !known.contains($0) }.map {
        Finding(file, index + 1, "there is no test and no mark `\($0)`")
      }
    }
  }

  /// Names of the functions of a file.
  static func functions(_ file: SourceFile) -> [String] {
    indices(in: file, of: ["func"]).compactMap {
      $0 + 1 < file.tokens.count ? file.tokens[$0 + 1].text : nil
    }
  }

  /// Names of the cases of the enumerations in a file.
  static func cases(_ file: SourceFile) -> [String] {
    indices(in: file, of: ["case"]).flatMap { start -> [String] in
      var names: [String] = []
      var index = start + 1
      // "case a, b": as far as the commas reach.
      while index < file.tokens.count {
        names.append(file.tokens[index].text)
        guard index + 1 < file.tokens.count, file.tokens[index + 1].text == "," else { break }
        index += 2
      }
      return names
    }
  }

  // MARK: Tools

  private static func indices(in file: SourceFile, of words: [String]) -> [Int] {
    let words = Set(words)
    return file.tokens.indices.filter { words.contains(file.tokens[$0].text) }
  }

  /// The words between the parentheses that follow a name; nil if none follow.
  private static func arguments(in file: SourceFile, after index: Int) -> [String]? {
    guard index + 1 < file.tokens.count, file.tokens[index + 1].text == "(" else { return nil }
    var depth = 0
    var words: [String] = []
    for token in file.tokens[(index + 1)...] {
      if token.text == ")" { depth -= 1 }
      if depth == 0, !words.isEmpty || token.text == ")" { return words }
      if depth > 0 { words.append(token.text) }
      if token.text == "(" { depth += 1 }
    }
    return words
  }
}
