internal import Crypto
internal import Driver
internal import FoundationEssentials
internal import Transfer
internal import Wire

/// The key that both sides may share; it leaves this file only as a keyed hash.
struct PreSharedKey {
  /// Why there is no key, or not a good one.
  struct Problem: Error {
    /// A sentence without its full stop.
    let text: String
  }

  /// The variable that holds a key when no file is named.
  static let variable = "BRAID_KEY"
  /// More is another file by mistake, such as the disk image itself.
  private static let byteLimit = 4096
  /// Fewer can be guessed from a recorded handshake by trying.
  private static let strongByteCount = 16

  private let key: SymmetricKey
  /// What the user should know about the key, as sentences.
  let warnings: [String]

  /// Reads the key from the file, else from the environment; nil if neither is given.
  ///
  /// White space around the key does not count, so that a file may end in a newline.
  static func load(path: String?) throws(Problem) -> PreSharedKey? {
    if let path { return try PreSharedKey(path: path) }
    guard let text = ProcessInfo.processInfo.environment[variable] else { return nil }
    return try PreSharedKey(Array(text.utf8), from: variable, warnings: [])
  }

  /// 256 fresh random bits from the kernel, as 64 hexadecimal digits.
  static func fresh() -> String {
    var kernel = SystemRandomNumberGenerator()
    return (0..<64).map { _ in String(Int.random(in: 0..<16, using: &kernel), radix: 16) }.joined()
  }

  /// HMAC-SHA256 under the key, for the core.
  var authenticator: Authenticator {
    let key = self.key
    return Authenticator { message in
      let code = Array(HMAC<SHA256>.authenticationCode(for: message, using: key))
      return Bytes32(code.span)
    }
  }

  private init(path: String) throws(Problem) {
    let source = "the key file \(path)"
    let file: SmallFile
    do {
      file = try SmallFile(path: path, limit: Self.byteLimit)
    } catch {
      throw Problem(text: "cannot read \(source): \(error.text)")
    }
    guard !file.isLonger else {
      throw Problem(text: "\(source) has more than \(Self.byteLimit) bytes; that is no key")
    }
    // A warning only: secrets that a container is given are often readable by all inside.
    let warning = "\(source) is open to other users. Close it: chmod 600 \(path)"
    try self.init(file.bytes, from: source, warnings: file.isOpenToOthers ? [warning] : [])
  }

  private init(_ bytes: [UInt8], from source: String, warnings: [String]) throws(Problem) {
    let isSpace: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
    let trimmed = bytes.drop(while: isSpace).reversed().drop(while: isSpace).reversed()
    guard !trimmed.isEmpty else {
      throw Problem(text: "\(source) holds no key. `braid key` makes one")
    }
    key = SymmetricKey(data: Array(trimmed))
    let isWeak = trimmed.count < Self.strongByteCount
    let weakness = "the key is short enough to be guessed. `braid key` makes a long one"
    self.warnings = isWeak ? warnings + [weakness] : warnings
  }
}
