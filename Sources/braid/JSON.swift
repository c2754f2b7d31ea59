/// A JSON document whose keys keep their order and are there even where there is no value.
enum JSON {
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSON])
  case object([(String, JSON)])

  /// A value that may be missing.
  static func optional<Value>(_ value: Value?, _ make: (Value) -> JSON) -> JSON {
    value.map(make) ?? .null
  }

  /// A count, such as of bytes.
  static func count(_ value: UInt64) -> JSON { .integer(Int(clamping: value)) }

  /// The document, indented by two blanks a level.
  var text: String { text(indent: "") }

  private func text(indent: String) -> String {
    let deeper = indent + "  "
    switch self {
    case .null: return "null"
    case .bool(let value): return value ? "true" : "false"
    case .integer(let value): return "\(value)"
    case .number(let value): return value.isFinite ? Self.rounded(value) : "null"
    case .string(let value): return Self.quoted(value)
    case .array(let values) where values.isEmpty: return "[]"
    case .array(let values):
      let lines = values.map { deeper + $0.text(indent: deeper) }
      return "[\n" + lines.joined(separator: ",\n") + "\n\(indent)]"
    case .object(let members):
      let lines = members.map { "\(deeper)\(Self.quoted($0)): \($1.text(indent: deeper))" }
      return "{\n" + lines.joined(separator: ",\n") + "\n\(indent)}"
    }
  }

  /// Nine digits after the point: nothing is measured more finely than in nanoseconds.
  private static func rounded(_ value: Double) -> String {
    abs(value) < 1e6 ? "\((value * 1e9).rounded() / 1e9)" : "\(value)"
  }

  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\":
        quoted += "\\\(scalar)"
      case let control where control.value < 0x20:
        let digits = String(control.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default:
        quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
