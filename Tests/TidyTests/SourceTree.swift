import Foundation

/// A word, a number, one punctuation character, or `"` for a whole string.
struct Token {
  let text: String
  let line: Int
  /// Whether it follows the token before it without a space: `x!` is not `x !`.
  let isAttached: Bool
}

/// One file of the repository.
struct SourceFile {
  /// Path from the root of the repository.
  let path: String
  let lines: [Substring]
  /// Swift and C only, without comments; what a string holds is left out, what it interpolates not.
  let tokens: [Token]

  init(path: String, text: String) {
    self.path = path
    lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let isCode = ["swift", "c", "h"].contains { path.hasSuffix(".\($0)") }
    var lexer = Lexer(Array(isCode ? text.utf8 : "".utf8), isSwift: path.hasSuffix(".swift"))
    tokens = lexer.tokens()
  }

  /// "Wire" for Sources/Wire/XXH64.swift; nil for files that are not sources of a module.
  var module: String? {
    let parts = path.split(separator: "/")
    return parts.count > 2 && parts[0] == "Sources" ? String(parts[1]) : nil
  }

  /// Lines of text; a line end at the end of the file begins no line.
  var lineCount: Int { lines.last?.isEmpty == true ? lines.count - 1 : lines.count }
}

/// The repository that this file belongs to.
enum SourceTree {
  static let root = URL(filePath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  static let files: [SourceFile] = {
    var paths = ["Package.swift", "README.md"]
    for folder in ["Sources", "Tests", "CLiburing", "Benchmarks"] {
      let all = FileManager.default.enumerator(atPath: root.appending(path: folder).path())
      while let path = all?.nextObject() as? String { paths.append("\(folder)/\(path)") }
    }
    let kinds = ["swift", "c", "h", "md", "sh", "py"]
    return paths.sorted().compactMap { path in
      guard kinds.contains(where: { path.hasSuffix(".\($0)") }),
        let text = try? String(contentsOf: root.appending(path: path), encoding: .utf8)
      else { return nil }
      return SourceFile(path: path, text: text)
    }
  }()

  static let swift = files.filter { $0.path.hasSuffix(".swift") }
  static let c = files.filter { $0.path.hasSuffix(".c") || $0.path.hasSuffix(".h") }
  static let documents = files.filter { $0.path.hasSuffix(".md") }
  /// What `make` can be asked for.
  static let makeTargets: [String] = {
    let text = try? String(contentsOf: root.appending(path: "Makefile"), encoding: .utf8)
    return (text ?? "").matches(of: /(?m)^([a-z-]+):/).map { String($0.1) }
  }()
  /// Swift files of the modules in Sources.
  static let sources = swift.filter { $0.module != nil }
}

/// Cuts Swift or C into tokens, just well enough for the rules.
struct Lexer {
  private let bytes: [UInt8]
  private let isSwift: Bool
  private var cursor = 0
  private var line = 1
  private var isAttached = false
  private var found: [Token] = []

  init(_ bytes: [UInt8], isSwift: Bool) {
    self.bytes = bytes
    self.isSwift = isSwift
  }

  mutating func tokens() -> [Token] {
    scan(untilClosing: false)
    return found
  }

  private func peek(_ distance: Int = 0) -> UInt8 {
    cursor + distance < bytes.count ? bytes[cursor + distance] : 0
  }

  private func isNext(_ text: StaticString) -> Bool {
    let wanted = Array(text.description.utf8)
    return bytes[cursor...].starts(with: wanted)
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
      true
    default: false
    }
  }

  private mutating func add(_ range: Range<Int>) {
    let text = String(decoding: bytes[range], as: UTF8.self)
    found.append(Token(text: text, line: line, isAttached: isAttached))
    isAttached = true
  }

  private mutating func skip(_ count: Int = 1) {
    for _ in 0..<count where cursor < bytes.count {
      if bytes[cursor] == UInt8(ascii: "\n") { line += 1 }
      cursor += 1
    }
  }

  /// Scans to the end, or past the parenthesis that closes an interpolation.
  private mutating func scan(untilClosing: Bool) {
    var depth = 0
    while cursor < bytes.count {
      let byte = peek()
      if byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\t") {
        isAttached = false
        skip()
      } else if byte == UInt8(ascii: "/"), peek(1) == byte || peek(1) == UInt8(ascii: "*") {
        skipComment()
      } else if let hashCount = stringStart() {
        skipString(hashCount: hashCount)
      } else if byte == UInt8(ascii: "'"), !isSwift {
        skip(peek(1) == UInt8(ascii: "\\") ? 4 : 3)
      } else if byte == UInt8(ascii: "`") {
        addRawIdentifier()
      } else if Self.isWord(byte) {
        var end = cursor
        while end < bytes.count, Self.isWord(bytes[end]) { end += 1 }
        add(cursor..<end)
        cursor = end
      } else {
        if untilClosing {
          if byte == UInt8(ascii: "(") { depth += 1 }
          if byte == UInt8(ascii: ")") { depth -= 1 }
          if depth < 0 { return skip() }
        }
        add(cursor..<(cursor + 1))
        cursor += 1
      }
    }
  }

  private mutating func addRawIdentifier() {
    var end = cursor + 1
    while end < bytes.count, bytes[end] != UInt8(ascii: "`") { end += 1 }
    add((cursor + 1)..<end)
    cursor = end + 1
  }

  private mutating func skipComment() {
    isAttached = false
    if isNext("//") {
      while cursor < bytes.count, peek() != UInt8(ascii: "\n") { cursor += 1 }
      return
    }
    var depth = 0
    repeat {
      if isNext("/*") {
        depth += 1
        skip(2)
      } else if isNext("*/") {
        depth -= isSwift ? 1 : depth
        skip(2)
      } else {
        skip()
      }
    } while depth > 0 && cursor < bytes.count
  }

  /// How many `#` stand before the quotation mark that comes next; nil if none comes.
  private func stringStart() -> Int? {
    var count = 0
    while isSwift, peek(count) == UInt8(ascii: "#") { count += 1 }
    return peek(count) == UInt8(ascii: "\"") ? count : nil
  }

  private mutating func skipString(hashCount: Int) {
    skip(hashCount)
    add(cursor..<(cursor + 1))
    let quoteCount = isSwift && isNext("\"\"\"") ? 3 : 1
    skip(quoteCount)
    let hashes = Array(repeating: UInt8(ascii: "#"), count: hashCount)
    let closing = Array(repeating: UInt8(ascii: "\""), count: quoteCount) + hashes
    let escape = [UInt8(ascii: "\\")] + hashes
    while cursor < bytes.count {
      if bytes[cursor...].starts(with: closing) { return skip(closing.count) }
      if bytes[cursor...].starts(with: escape) {
        skip(escape.count)
        let isInterpolation = isSwift && peek() == UInt8(ascii: "(")
        skip()
        if isInterpolation { scan(untilClosing: true) }
      } else {
        skip()
      }
    }
  }
}
