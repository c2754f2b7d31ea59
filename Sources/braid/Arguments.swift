internal import ArgumentParser
internal import Driver

/// Texts of the command line, made into values; every error says what would have been accepted.
enum Arguments {
  /// The port when none is given.
  static let defaultPort: UInt16 = 27_243

  /// A number of bytes: "65536", "256K", "32M", "1G", also "KiB" and the like.
  static func size(_ text: String) throws -> Int {
    guard let size = scaled(text, step: 1024, suffix: "IB") else {
      throw ValidationError(
        "a size is a whole number, with K, M or G for powers of 1024, such as 256K"
      )
    }
    return size
  }

  /// A rate in bits per second: "400M", "1G".
  static func rate(_ text: String) throws -> Int {
    guard let rate = scaled(text, step: 1000, suffix: "") else {
      throw ValidationError(
        "a rate is a whole number of bits per second, with K, M or G for powers of 1000, such as "
          + "400M"
      )
    }
    return rate
  }

  /// A whole number times a power of `step`, or nil.
  ///
  /// `suffix` may follow the letter.
  private static func scaled(_ text: String, step: Int, suffix: String) -> Int? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let letter = text.dropFirst(digits.count).uppercased()
    let power = ["", "K", "M", "G"].firstIndex {
      letter == $0 || !$0.isEmpty && letter == $0 + suffix
    }
    guard var number = Int(digits), let power else { return nil }
    for _ in 0..<power {
      let (product, isTooBig) = number.multipliedReportingOverflow(by: step)
      guard !isTooBig else { return nil }
      number = product
    }
    return number
  }

  /// A time in seconds: "30", "0.5".
  static func seconds(_ text: String) throws -> Duration {
    // A year is longer than any wait that is meant, and far from any overflow.
    guard text.first?.isNumber == true, text.allSatisfy({ $0.isNumber || $0 == "." }),
      let number = Double(text), number <= 31_536_000
    else {
      throw ValidationError("a time is a number of seconds, such as 30 or 0.5")
    }
    return .seconds(number)
  }

  /// A number of connections: "8", or "auto"; the range is checked elsewhere.
  static func connectionCount(_ text: String) throws -> ConnectionCount {
    if text == "auto" { return ConnectionCount(number: nil) }
    guard let number = Int(text) else {
      throw ValidationError("a number of connections, such as 8, or auto")
    }
    return ConnectionCount(number: number)
  }

  /// HOST[:PORT], with an IPv6 address in brackets or, without a port, bare.
  static func host(_ text: String) throws -> Plan.Host {
    guard let (name, port) = split(text), !name.isEmpty, isPlausible(name),
      let number = port.map(portNumber) ?? defaultPort
    else {
      throw ValidationError(
        """
        expected HOST[:PORT], such as newserver, newserver:5000, 10.0.0.2, \
        ::1 or [::1]:5000; ports are 1 to 65535
        """
      )
    }
    return Plan.Host(name: name, port: number)
  }

  /// [ADDRESS:]PORT, with an IPv6 address in brackets.
  static func listener(_ text: String) throws -> Plan.Opening {
    if let port = portNumber(text[...]) { return .listen(address: nil, port: port) }
    guard let (name, port) = split(text), !name.isEmpty, isPlausible(name),
      let number = port.flatMap(portNumber)
    else {
      throw ValidationError(
        """
        expected [ADDRESS:]PORT, such as 27243, 10.0.0.1:27243 or [::1]:27243; \
        ports are 1 to 65535
        """
      )
    }
    return .listen(address: name, port: number)
  }

  /// A path, or "-" for the standard stream.
  static func endpoint(_ text: String?) -> Plan.Endpoint {
    guard let text, text != "-" else { return .standard }
    return .path(text)
  }

  /// A command and a path exclude each other, and no command is no command.
  static func check(exec: String?, _ option: String, _ path: String?) throws {
    if path?.isEmpty == true { throw ValidationError("\(option) needs a path; this one is empty") }
    // What is no UTF-8 has become something else, and so would the file's name.
    if path?.unicodeScalars.contains("\u{FFFD}") == true {
      throw ValidationError(
        "\(option): the path is not in UTF-8; rename it, or let the shell open it with < or >"
      )
    }
    guard let exec else { return }
    if path != nil { throw ValidationError("give either \(option) or --exec, not both") }
    if exec.allSatisfy(\.isWhitespace) {
      throw ValidationError("--exec needs a command, such as 'zfs send tank/data@now'")
    }
  }

  /// The host and the text after its colon; nil where brackets do not close.
  private static func split(_ text: String) -> (name: String, port: Substring?)? {
    if text.first == "[" {
      guard let end = text.firstIndex(of: "]") else { return nil }
      let name = String(text[text.index(after: text.startIndex)..<end])
      let rest = text[text.index(after: end)...]
      guard name.contains(":") else { return nil }
      if rest.isEmpty { return (name, nil) }
      return rest.first == ":" ? (name, rest.dropFirst()) : nil
    }
    guard let colon = text.firstIndex(of: ":") else { return (text, nil) }
    // More than one colon: an IPv6 address without brackets, hence without a port.
    if text[text.index(after: colon)...].contains(":") { return (text, nil) }
    return (String(text[..<colon]), text[text.index(after: colon)...])
  }

  /// Whether the resolver is worth asking; "a:b:c" and "x y" are slips of the pen.
  private static func isPlausible(_ name: String) -> Bool {
    let address = name.prefix { $0 != "%" }
    if address.contains(":") {
      return address.allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." }
    }
    return !name.contains { $0.isWhitespace || $0 == "/" || $0 == "[" || $0 == "]" }
  }

  private static func portNumber(_ text: Substring) -> UInt16? {
    guard text.first?.isNumber == true, let port = UInt16(text), port > 0 else { return nil }
    return port
  }
}

/// What --connections says; no number: as many as the links need.
struct ConnectionCount: Equatable {
  var number: Int?
}
